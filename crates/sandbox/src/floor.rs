//! What must stay free on the disks that a command writes to. Answers filling the disk: the bounds on
//! one file and on scratch space do not bound many files in a folder of the session, and a gateway
//! without disk space cannot write its journal.

use std::path::PathBuf;
use std::time::Duration;

use stockade_policy::{Access, Backend};

use crate::native::plan::Plan;
use crate::outcome::Refusal;

/// The folders that one run writes to.
#[derive(Debug, Clone)]
pub(crate) struct Floor(Vec<Folder>);

#[derive(Debug, Clone)]
struct Folder {
    /// Its path inside the view.
    shown: PathBuf,
    host: PathBuf,
}

impl Floor {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mounts = plan.view.mounts.iter().filter(|mount| mount.access == Access::Rw);
        let mounts = mounts.map(|mount| Folder { shown: mount.target.clone(), host: mount.host.clone() });
        // On the host the working directory is the one place that is known.
        let cwd =
            (plan.view.backend == Backend::Host).then(|| Folder { shown: plan.cwd.clone(), host: plan.cwd.clone() });
        Self(mounts.chain(cwd).collect())
    }

    /// Refuses when one of the disks has too little space left.
    pub(crate) async fn check(&self) -> Result<(), Refusal> {
        let folders = self.clone();
        // A disk that does not answer must not hold up the gateway. A check that was lost with the
        // runtime's end has nobody to tell.
        tokio::task::spawn_blocking(move || folders.0.iter().try_for_each(measure)).await.unwrap_or(Ok(()))
    }

    /// Completes when one of the disks has too little space left.
    pub(crate) async fn breached(&self) -> Refusal {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(refusal) = self.check().await {
                return refusal;
            }
        }
    }
}

fn measure(folder: &Folder) -> Result<(), Refusal> {
    // A folder that is gone takes no data, and the launcher says why it cannot be mounted.
    let Ok(disk) = rustix::fs::statvfs(&folder.host) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let floor = (disk.f_blocks.saturating_mul(disk.f_frsize) / 100).saturating_mul(PERCENT).max(LEAST);
    if free < floor { Err(Refusal::Full { folder: folder.shown.clone(), free, floor }) } else { Ok(()) }
}

/// What must stay free: so much of the disk, and at least so many bytes.
const PERCENT: u64 = 2;
const LEAST: u64 = 256 << 20;
const EVERY: Duration = Duration::from_millis(250);
