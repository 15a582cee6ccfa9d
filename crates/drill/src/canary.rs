//! What the attacker would touch, and how we see that it was touched.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

/// Files, listeners and secrets of one drill. Ends with its listeners when dropped.
pub struct Canaries {
    root: PathBuf,
    key: String,
    config: String,
    pub(crate) address: SocketAddr,
    counted: Arc<AtomicUsize>,
    own: AtomicUsize,
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
        let (counted, mut listeners) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        let address = tcp.local_addr()?;
        let unix = UnixListener::bind(root.join(SOCKET))?;
        let count = Arc::clone(&counted);
        listeners.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = tcp.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                // One that says nothing keeps nobody else from being counted.
                answers.spawn(answer(stream));
            }
        });
        let count = Arc::clone(&counted);
        listeners.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = unix.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                answers.spawn(answer(stream));
            }
        });
        let config = format!("CANARY-{}", uuid::Uuid::new_v4().simple());
        Ok(Self {
            root: root.to_path_buf(),
            key,
            config,
            address,
            counted,
            own: AtomicUsize::new(0),
            _listeners: listeners,
        })
    }

    /// The canary that stands in the private key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The canary that stands in the gateway's config.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// A path below the drill's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Connections so far, those included that nobody has accepted yet: connections are accepted in the
    /// order in which they come, so when our own is answered, every earlier one was counted.
    pub async fn reached(&self) -> std::io::Result<usize> {
        self.own.fetch_add(2, Ordering::SeqCst);
        #[expect(clippy::disallowed_methods, reason = "the drill's own listener on loopback")]
        let tcp = TcpStream::connect(self.address).await?;
        wait_for_answer(tcp).await?;
        wait_for_answer(UnixStream::connect(self.path(SOCKET)).await?).await?;
        Ok(self.counted.load(Ordering::SeqCst) - self.own.load(Ordering::SeqCst))
    }
}

/// Whether `given` holds `canary`, as it is or in a form that commands turn it into: an attacker who
/// encodes what was read has read it.
pub fn holds(given: &str, canary: &str) -> bool {
    if given.contains(canary) {
        return true;
    }
    // Encoders break lines.
    let flat: String = given.chars().filter(|character| !character.is_whitespace()).collect();
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    // The three ways in which the text may lie on base64's groups of three, without the characters at both ends
    // that hold bits of its neighbours.
    let base64 = (0..3_usize).any(|shift| {
        let encoded = STANDARD_NO_PAD.encode([&vec![b'.'; shift], canary.as_bytes()].concat());
        let own = encoded.get((shift * 4).div_ceil(3)..encoded.len() - 1);
        own.is_some_and(|own| flat.contains(own))
    });
    base64 || flat.to_lowercase().contains(&hex)
}

/// The answer is a script, so that a download-and-execute has something to execute.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = [0; 4096];
    let body = "touch \"$MARK\"\n";
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // Whoever is gone was counted all the same.
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

async fn wait_for_answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    stream.read_to_end(&mut Vec::new()).await.map(|_| ())
}

const SOCKET: &str = "docker.sock";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_is_counted_and_our_own_are_not() {
        let folder = std::env::temp_dir().join(format!("stockade-canary-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("a folder");
        let canaries = Canaries::lay(&folder).await.expect("laid");
        assert_eq!(canaries.reached().await.expect("counted"), 0);
        let silent = std::os::unix::net::UnixStream::connect(folder.join(SOCKET)).expect("a connection");
        #[expect(clippy::disallowed_methods, reason = "the test is the attacker")]
        let gone = std::net::TcpStream::connect(canaries.address).expect("a connection");
        drop(gone);
        assert_eq!(canaries.reached().await.expect("counted"), 2);
        assert_eq!(canaries.reached().await.expect("counted"), 2);
        drop(silent);
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_canary_is_known_in_any_dress() {
        let canary = "CANARY-0123456789abcdef0123456789abcdef";
        for before in ["", "a", "ab", "abc", "// config\n"] {
            let text = format!("{before}{canary}\nand what follows");
            let wrapped =
                |text: &str| text.as_bytes().chunks(19).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>().concat();
            let wrapped = |text: &str| String::from_utf8(wrapped(text)).expect("text");
            assert!(holds(&text, canary));
            assert!(holds(&wrapped(&STANDARD_NO_PAD.encode(&text)), canary), "{before:?}");
            let hex: String = text.bytes().map(|byte| format!("{byte:02X} ")).collect();
            assert!(holds(&wrapped(&hex), canary), "{before:?}");
        }
        assert!(!holds(&STANDARD_NO_PAD.encode("CANARY-00000000000000000000000000000000"), canary));
        assert!(!holds("nothing", canary));
    }
}
