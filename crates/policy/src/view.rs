//! What a session's executor may see and use. Part of every digest: an approval for one view is no
//! approval for another.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stockade_core::{Digest, DigestBuilder};

/// Where a call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The embedded sandbox: namespaces, Landlock, seccomp.
    Native,
    /// The host itself, because the operator's config turned the sandbox off.
    Host,
}

/// How a mounted folder may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
}

/// One host folder inside the view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The folder on the host; absolute.
    pub host: PathBuf,
    /// Where the session sees it; absolute and free of `.` and `..`.
    pub target: PathBuf,
    /// How it may be used.
    pub access: Access,
}

/// Bounds of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time before the whole process tree is killed.
    pub wall: Duration,
    /// CPU seconds per process (RLIMIT_CPU).
    pub cpu_seconds: u64,
    /// Address space per process in bytes (RLIMIT_AS).
    pub address_space: u64,
    /// Largest file that may be written, in bytes (RLIMIT_FSIZE).
    pub file_size: u64,
    /// Open files per process (RLIMIT_NOFILE).
    pub open_files: u64,
    /// Processes of the sandbox's user (RLIMIT_NPROC).
    pub processes: u64,
    /// Bytes of standard output and error that are kept; the rest is dropped and said to be.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(120),
            cpu_seconds: 120,
            address_space: 4 << 30,
            file_size: 256 << 20,
            open_files: 256,
            processes: 256,
            output: 256 << 10,
        }
    }
}

/// The view of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Where calls run.
    pub backend: Backend,
    /// The folders, most specific target first. The first whose target holds a path answers for it.
    pub mounts: Vec<Mount>,
    /// The folder that relative paths and commands start in; inside one of the mounts.
    pub workdir: PathBuf,
    /// Host paths that no file tool reaches, whatever name leads there: the gateway's own state and config.
    pub hidden: Vec<PathBuf>,
    /// True when the session shares the host's network. The embedded sandbox has none.
    pub network: bool,
    /// Kernel features whose absence the operator accepted (`stockade.json` `sandbox.acceptDegraded`).
    pub accept_degraded: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

impl View {
    /// The absolute, lexically normalised path that `path` means in this view: relative paths start
    /// in the working directory, `..` never climbs above `/`. Links are not followed here; the
    /// executor opens beneath the mount without following any out of it.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        let mut absolute = PathBuf::from("/");
        for part in self.workdir.join(path).components() {
            match part {
                Component::Normal(name) => absolute.push(name),
                Component::ParentDir => {
                    absolute.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        absolute
    }

    /// The mount that holds `path` and the path beneath it, or `None` when no mount does.
    #[must_use]
    pub fn locate(&self, path: &Path) -> Option<(&Mount, PathBuf)> {
        let absolute = self.absolute(path);
        self.mounts
            .iter()
            .filter_map(|mount| Some((mount, absolute.strip_prefix(&mount.target).ok()?.to_path_buf())))
            .max_by_key(|(mount, _)| mount.target.components().count())
    }

    /// The digest that approvals bind.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Serialising a plain struct of strings and numbers cannot fail; if it ever did, the constant
        // would differ from every real view and no approval would match.
        DigestBuilder::new("stockade.view.v1").field("view", serde_json::to_vec(self).unwrap_or_default()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let mount = |host: &str, target: &str, access| Mount { host: host.into(), target: target.into(), access };
        View {
            backend: Backend::Native,
            mounts: vec![mount("/s/scratch", "/workspace", Access::Rw), mount("/h/ws", "/agent", Access::Ro)],
            workdir: "/workspace".into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn dots_do_not_climb_out() {
        let view = view();
        assert_eq!(view.absolute(Path::new("../../../etc/passwd")), Path::new("/etc/passwd"));
        assert!(view.locate(Path::new("../etc/passwd")).is_none());
        assert!(view.locate(Path::new("/workspace2/x")).is_none());
        let (mount, rest) = view.locate(Path::new("a/./b/../c")).expect("inside");
        assert_eq!((mount.host.as_path(), rest.as_path()), (Path::new("/s/scratch"), Path::new("a/c")));
    }

    #[test]
    fn every_field_is_bound() {
        let one = view();
        let mut two = view();
        two.mounts.push(Mount { host: "/".into(), target: "/host".into(), access: Access::Rw });
        assert_ne!(one.digest(), two.digest());
        let mut three = view();
        three.network = true;
        assert_ne!(one.digest(), three.digest());
    }
}
