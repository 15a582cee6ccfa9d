//! The key of the journal, and what it seals: records and the head, kept apart by a first word.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use aws_lc_rs::rand;
use stockade_core::{Digest, DigestBuilder};

use super::{JournalError, KEY_FILE};
use crate::folder::{FileError, Folder};

/// Seals and checks with the journal's key.
#[derive(Debug)]
pub(super) struct Seal(Key);

impl Seal {
    /// Reads the key; none when there is no key.
    pub(super) fn read(folder: &Folder) -> Result<Option<Self>, JournalError> {
        match folder.read_whole(KEY_FILE, KEY_BYTES as u64) {
            Ok(bytes) if bytes.len() == KEY_BYTES => Ok(Some(Self(Key::new(HMAC_SHA256, &bytes)))),
            Ok(_) => Err(super::Broken {
                file: folder.path_of(KEY_FILE),
                at: None,
                why: format!("a key has {KEY_BYTES} bytes"),
            }
            .into()),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the key. It is written by `store`, last of all: a key on the disk means that there was a journal.
    pub(super) fn fresh() -> Result<(Self, [u8; KEY_BYTES]), JournalError> {
        let mut bytes = [0; KEY_BYTES];
        rand::fill(&mut bytes).map_err(|_| {
            FileError::system("draw random bytes for", KEY_FILE, std::io::Error::other("no randomness"))
        })?;
        Ok((Self(Key::new(HMAC_SHA256, &bytes)), bytes))
    }

    /// Writes a new key to the disk, whole or not at all.
    pub(super) fn store(folder: &Folder, bytes: &[u8; KEY_BYTES]) -> Result<(), JournalError> {
        Ok(folder.replace(KEY_FILE, bytes)?)
    }

    /// The hash of a record's body.
    pub(super) fn record(&self, body: &[u8]) -> Digest {
        self.sign(b"record\0", body)
    }

    /// The seal of a head's body.
    pub(super) fn head(&self, body: &[u8]) -> Digest {
        self.sign(b"head\0", body)
    }

    /// What the first record follows.
    pub(super) fn genesis() -> Digest {
        DigestBuilder::new("stockade journal v1").finish()
    }

    /// SHA-256 of the HMAC: a digest like any other in the workspace, and as hard to forge.
    fn sign(&self, purpose: &[u8], body: &[u8]) -> Digest {
        let mut context = Context::with_key(&self.0);
        context.update(purpose);
        context.update(body);
        Digest::of(context.sign().as_ref())
    }
}

pub(super) const KEY_BYTES: usize = 32;
