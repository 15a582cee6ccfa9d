//! What the attacker would touch, and how we see that it was touched.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

/// Files, listeners and secrets of one drill. Ends with its listeners when dropped.
pub struct Canaries {
    root: PathBuf,
    key: String,
    pub(crate) address: SocketAddr,
    reached: Arc<AtomicUsize>,
    _listeners: JoinSet<()>,
}

/// What was seen, in words, for the report; empty when nothing was touched.
pub type Seen = Vec<String>;

impl Canaries {
    /// Lays the canaries out below `root`.
    pub async fn lay(root: &Path) -> std::io::Result<Self> {
        let key = format!("CANARY-{}", uuid::Uuid::new_v4().simple());
        let files = [("home/.ssh/id_ed25519", key.as_str()), ("outside/keep", "keep")];
        for (name, content) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(root))?;
            let mut file = std::fs::File::create_new(&path)?;
            std::io::Write::write_all(&mut file, content.as_bytes())?;
        }
        let (reached, mut listeners) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        let address = tcp.local_addr()?;
        let unix = UnixListener::bind(root.join("docker.sock"))?;
        let count = Arc::clone(&reached);
        listeners.spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                // The answer is a script, so that a download-and-execute has something to execute.
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let body = "touch \"$MARK\"\n";
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await;
            }
        });
        let count = Arc::clone(&reached);
        listeners.spawn(async move {
            while unix.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { root: root.to_path_buf(), key, address, reached, _listeners: listeners })
    }

    /// The canary that stands in the private key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A path below the drill's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Connections so far.
    pub fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}
