//! What the gateway tells the launcher, and what the launcher answers. Both are length-prefixed JSON
//! on the pipes that the command inherits afterwards, so nothing is in an argument list or in an
//! environment where another process could read it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stockade_policy::call::{Executable, ScriptOperand};
use stockade_policy::{Backend, Limits, View};

use crate::control::Degraded;
use crate::outcome::Refusal;

/// What the launcher is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// Set everything up, say what took effect, run nothing.
    Probe,
    /// Run in the embedded sandbox.
    Native,
    /// Run on the host.
    Host,
}

/// The work of one launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) command: String,
    pub(crate) cwd: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) programs: Vec<Executable>,
    pub(crate) operands: Vec<ScriptOperand>,
    /// Host files that other runs have sealed and that this one must leave their names.
    pub(crate) pinned: Vec<PathBuf>,
    /// Wall-clock time after which the launcher kills the tree by itself; the gateway, while it lives,
    /// does so a little earlier.
    pub(crate) limit: Duration,
    pub(crate) view: View,
}

/// The launcher's answer, written to standard output before the command gets it.
pub(crate) type Report = Result<Vec<Degraded>, Refusal>;

impl Plan {
    /// A plan that runs nothing.
    pub(crate) fn empty(mode: Mode) -> Self {
        Self {
            mode,
            command: String::new(),
            cwd: "/".into(),
            env: BTreeMap::new(),
            programs: Vec::new(),
            operands: Vec::new(),
            pinned: Vec::new(),
            limit: Duration::from_secs(10),
            view: View {
                backend: Backend::Native,
                mounts: Vec::new(),
                workdir: "/".into(),
                network: false,
                hidden: Vec::new(),
                accept_degraded: Vec::new(),
                limits: Limits::default(),
            },
        }
    }
}

/// One message: magic, length, JSON.
pub(crate) fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MAX);
    let length = length.ok_or_else(|| io::Error::other("the message is larger than 8 MiB"))?;
    Ok([&MAGIC[..], &length.to_be_bytes(), &body].concat())
}

/// Writes a message and nothing else.
pub(crate) fn write<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

/// Reads exactly one message, and not a byte of what follows.
pub(crate) fn read<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header)?;
    let mut body = vec![0; length(header)?];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// The length of the body that follows `header`.
pub(crate) fn length(header: [u8; HEADER]) -> io::Result<usize> {
    let [a, b, c, d, length @ ..] = header;
    let length = u32::from_be_bytes(length);
    if [a, b, c, d] != MAGIC || length > MAX {
        return Err(io::Error::other("it is not a message of the launcher's protocol"));
    }
    Ok(length as usize)
}

/// Bytes before the body.
pub(crate) const HEADER: usize = 8;
const MAGIC: [u8; 4] = *b"SKD1";
const MAX: u32 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_at_the_end_of_the_message() {
        let mut bytes = encode(&Plan::empty(Mode::Probe)).expect("small");
        bytes.extend_from_slice(b"rest");
        let mut pipe = bytes.as_slice();
        assert_eq!(read::<Plan>(&mut pipe).expect("whole").mode, Mode::Probe);
        assert_eq!(pipe, b"rest");
    }

    #[test]
    fn another_programs_output_is_no_report() {
        assert!(read::<Report>(&b"running 0 tests\n"[..]).is_err());
        assert!(read::<Report>(&b"SKD1\xff\xff\xff\xff"[..]).is_err());
    }
}
