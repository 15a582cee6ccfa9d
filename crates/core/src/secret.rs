//! A secret is a type that cannot be printed, compared with `==`, or serialised by accident.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// A secret text: a token, an API key. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct NoRandomness;

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// 256 fresh random bits as 64 hexadecimal characters: a gateway token.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bits).map_err(|_| NoRandomness)?;
        Ok(Self::new(bits.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
    }

    /// The text itself. Each caller is a place where the secret leaves its type: keep them few.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is the secret, in time that depends on neither; both are hashed first, so
    /// that their lengths do not matter.
    #[must_use]
    pub fn matches(&self, candidate: &str) -> bool {
        let (own, other) = (digest(&SHA256, self.0.as_bytes()), digest(&SHA256, candidate.as_bytes()));
        verify_slices_are_equal(own.as_ref(), other.as_ref()).is_ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2-hunter2");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("hunter2").count(), 0);
    }

    #[test]
    fn random_secrets_are_long_and_differ() {
        let (one, two) = (Secret::random().expect("random"), Secret::random().expect("random"));
        assert_eq!(one.expose().len(), 64);
        assert!(!one.matches(two.expose()));
    }

    #[test]
    fn a_secret_matches_itself_only() {
        let secret = Secret::new("tok");
        assert!(secret.matches("tok"));
        assert!(!secret.matches("to") && !secret.matches("") && !secret.matches("tok\0"));
    }
}
