//! The operator's own way in on this machine: a fresh key of each start, in a file that only this user can
//! read. The command line uses it, so that whoever breaks or changes the config on the disk does not lock the
//! operator out of the gateway that still runs on the old one. No agent can read the state directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stockade_core::Secret;

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct File {
    address: SocketAddr,
    key: String,
}

/// The file of a store folder (`<state>/stockade`).
fn path(data: &Path) -> PathBuf {
    data.join("operator.json")
}

/// Writes the file anew.
///
/// # Errors
/// When it cannot be written; the config's secret then still opens the door.
pub(crate) fn write(data: &Path, address: SocketAddr, key: &Secret) -> Result<(), String> {
    remove(data);
    let file = File { address, key: key.expose().to_owned() };
    let text = serde_json::to_string(&file).map_err(|error| error.to_string())?;
    stockade_config::write_new(&path(data), &text).map_err(|error| error.to_string())
}

/// Removes the file; one that is not there is no error, and a key whose gateway is gone opens nothing.
pub(crate) fn remove(data: &Path) {
    let _ = std::fs::remove_file(path(data));
}

/// Where the gateway of this store folder listens, and its key of this start; `None` when none runs.
#[must_use]
pub fn read(data: &Path) -> Option<(SocketAddr, Secret)> {
    let text = std::fs::read_to_string(path(data)).ok().filter(|text| text.len() < 4096)?;
    let file: File = serde_json::from_str(&text).ok()?;
    Some((file.address, Secret::new(file.key)))
}
