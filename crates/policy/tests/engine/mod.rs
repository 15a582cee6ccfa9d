//! A Docker engine for tests: no network, one image with nothing but a shell in it.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A running engine. One that was started here ends with it.
pub struct Engine {
    host: Option<String>,
    daemon: Option<Child>,
    folder: tempfile::TempDir,
}

/// One mount of a container, by the engine's word and as it is seen from inside.
#[derive(Debug)]
pub struct Mounted {
    pub source: String,
    pub destination: String,
    pub writable: bool,
    pub propagation: String,
    /// `device:inode` of the destination.
    pub inode: String,
    /// What lies in it, by name.
    pub files: Vec<String>,
}

impl Engine {
    /// The engine that answers, or one that is started for the test; `None`, with the reason printed, without one.
    pub fn find() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("engine-").tempdir().expect("a folder");
        let mut engine = Self { host: None, daemon: None, folder };
        if !engine.answers()
            && let Err(why) = engine.start()
        {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}, and in CI nothing is skipped");
            println!("skipped: {why}");
            return None;
        }
        engine.import();
        Some(engine)
    }

    /// Makes a container with these mounts, looks at them from inside, and removes it.
    ///
    /// # Errors
    /// What the engine said when it refused.
    pub fn run(&self, binds: &[&str]) -> Result<Vec<Mounted>, String> {
        let mut create = vec!["create", "--network", "none", "--entrypoint", "/bin/busybox"];
        for bind in binds {
            create.extend([if bind.starts_with('/') { "--volume" } else { "--mount" }, bind]);
        }
        let script = "for target in \"$@\"; do echo \"=$target\"; stat -Lc %d:%i \"$target\"; find \"$target\"; done";
        let created = self.docker(&[&create[..], &[IMAGE, "sh", "-c", "sleep 0"]].concat());
        let id = text(&created)?;
        let mounts: Value =
            serde_json::from_str(&text(&self.docker(&["inspect", "--format", "{{json .Mounts}}", &id]))?)
                .expect("the engine speaks JSON");
        self.docker(&["rm", "--force", &id]);
        let mounts = mounts.as_array().cloned().unwrap_or_default();
        let word = |mount: &Value, key: &str| mount[key].as_str().unwrap_or_default().to_owned();
        let targets: Vec<String> = mounts.iter().map(|mount| word(mount, "Destination")).collect();
        let mut run: Vec<&str> = vec!["run", "--rm"];
        run.extend(&create[1..]);
        run.extend([IMAGE, "sh", "-c", script, "sh"]);
        run.extend(targets.iter().map(String::as_str));
        let seen = text(&self.docker(&run))?;
        Ok(mounts
            .iter()
            .zip(&targets)
            .map(|(mount, target)| {
                let start = format!("={target}");
                let mut lines = seen.lines().skip_while(|line| **line != start).skip(1);
                Mounted {
                    source: word(mount, "Source"),
                    destination: target.clone(),
                    writable: mount["RW"] == true,
                    propagation: word(mount, "Propagation"),
                    inode: lines.next().unwrap_or_default().to_owned(),
                    files: lines.take_while(|line| !line.starts_with('=')).map(str::to_owned).collect(),
                }
            })
            .collect())
    }

    fn start(&mut self) -> Result<(), String> {
        if Command::new("dockerd").arg("--version").output().is_err() {
            return Err("dockerd is not installed".to_owned());
        }
        if !Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
            return Err("no Docker engine answers, and without root none can be started".to_owned());
        }
        let own = self.folder.path();
        let host = format!("unix://{}", own.join("socket").display());
        let mut command = Command::new("dockerd");
        command.args(["--host", &host, "--bridge", "none", "--iptables=false", "--ip6tables=false"]);
        command.args(["--storage-driver", "vfs"]);
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(option).arg(own.join(name));
        }
        let log = std::fs::File::create(own.join("log")).expect("a log");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.daemon = Some(child.map_err(|error| error.to_string())?);
        self.host = Some(host);
        for _ in 0..300 {
            if self.answers() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let said = std::fs::read_to_string(own.join("log")).unwrap_or_default();
        Err(format!("dockerd does not answer: {}", said.lines().last().unwrap_or_default()))
    }

    /// An image of a static shell: nothing is pulled.
    fn import(&self) {
        let bin = self.folder.path().join("image/bin");
        std::fs::create_dir_all(&bin).expect("made");
        let busybox = BUSYBOX.iter().map(Path::new).find(|path| path.exists()).expect("busybox-static is installed");
        std::fs::copy(busybox, bin.join("busybox")).expect("copied");
        let archive = self.folder.path().join("image.tar");
        let root = self.folder.path().join("image");
        let packed = Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&archive).arg(".").status();
        assert!(packed.is_ok_and(|status| status.success()), "packed");
        let imported = self.docker(&["import", archive.to_str().expect("text"), IMAGE]);
        text(&imported).expect("imported");
    }

    fn answers(&self) -> bool {
        // The client answers by itself when there is no engine; the engine's version is not its own.
        let output = self.docker(&["info", "--format", "{{.ServerVersion}}"]);
        output.is_some_and(|output| output.status.success() && !output.stdout.trim_ascii().is_empty())
    }

    /// Its socket as `DOCKER_HOST` names it, when it was started here.
    #[allow(dead_code, reason = "the tests of mounts do not need it")]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What the command line of the engine says.
    pub fn docker(&self, arguments: &[&str]) -> Option<Output> {
        let mut command = Command::new("docker");
        if let Some(host) = &self.host {
            command.args(["--host", host]);
        }
        command.args(arguments).stdin(Stdio::null()).output().ok()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.docker(&["image", "rm", "--force", IMAGE]);
        if let Some(daemon) = &mut self.daemon {
            // Asked, not killed: it ends what it started.
            let _ = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status();
            let _ = daemon.wait();
        }
    }
}

fn text(output: &Option<Output>) -> Result<String, String> {
    let output = output.as_ref().ok_or("docker does not start")?;
    let read = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap_or("no text").trim().to_owned();
    if output.status.success() { Ok(read(&output.stdout)) } else { Err(read(&output.stderr)) }
}

/// The image with the shell.
pub const IMAGE: &str = "stockade-test-shell";
const BUSYBOX: &[&str] = &["/bin/busybox", "/usr/bin/busybox"];
