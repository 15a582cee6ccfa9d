//! Digests that bind. Every field is length-prefixed and named, so that no two different values
//! can produce the same input to the hash.

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_slice(digest(&SHA256, bytes).as_ref())
    }

    /// Lower-case hexadecimal, 64 characters.
    #[must_use]
    pub fn hex(&self) -> String {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
    }

    /// Parses 64 lower-case hexadecimal characters.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return None;
        }
        let mut bytes = [0; 32];
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn from_slice(slice: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (slot, byte) in bytes.iter_mut().zip(slice) {
            *slot = *byte;
        }
        Self(bytes)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal characters"))
    }
}

/// Builds a digest field by field.
pub struct DigestBuilder(Context);

impl DigestBuilder {
    /// Starts a digest for one purpose; the same fields under another purpose give another value.
    #[must_use]
    pub fn new(purpose: &str) -> Self {
        let mut builder = Self(Context::new(&SHA256));
        builder.chunk(purpose.as_bytes());
        builder
    }

    /// Adds a named field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.chunk(name.as_bytes());
        self.chunk(value.as_ref());
        self
    }

    /// Adds a named list; its length is bound too.
    #[must_use]
    pub fn list<T: AsRef<[u8]>>(mut self, name: &str, values: impl ExactSizeIterator<Item = T>) -> Self {
        self.chunk(name.as_bytes());
        self.chunk(&(values.len() as u64).to_be_bytes());
        for value in values {
            self.chunk(value.as_ref());
        }
        self
    }

    /// The value.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest::from_slice(self.0.finish().as_ref())
    }

    fn chunk(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_run_into_each_other() {
        let one = DigestBuilder::new("t").field("a", "bc").field("d", "").finish();
        let two = DigestBuilder::new("t").field("a", "b").field("cd", "").finish();
        assert_ne!(one, two);
        let list = DigestBuilder::new("t").list("a", ["x", "y"].iter()).finish();
        let other = DigestBuilder::new("t").list("a", ["xy"].iter()).finish();
        assert_ne!(list, other);
    }

    #[test]
    fn hex_round_trips_and_refuses_other_spellings() {
        let digest = Digest::of(b"");
        assert_eq!(digest.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Digest::from_hex(&digest.hex()), Some(digest));
        assert_eq!(Digest::from_hex(&digest.hex().to_uppercase()), None);
        assert_eq!(Digest::from_hex("+1"), None);
    }
}
