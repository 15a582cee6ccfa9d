//! Who is at the other end: the shared secret and the device key of OpenClaw's protocol version 4.
//! Pure: the gateway supplies the frame's fields, the challenge and the time.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use stockade_core::{Digest, Secret, Timestamp};

/// How far a device's clock (or a delayed handshake) may differ. Source: OpenClaw, 120 s.
pub const MAX_SKEW: std::time::Duration = std::time::Duration::from_secs(120);

/// A device's proof, as it stands in the `connect` frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceProof<'a> {
    /// Claimed id: hexadecimal SHA-256 of the raw public key.
    pub id: &'a str,
    /// The raw Ed25519 key in base64url, or an SPKI PEM.
    pub public_key: &'a str,
    /// The signature in base64url.
    pub signature: &'a str,
    /// When it was signed, by the challenge's clock.
    pub signed_at: Timestamp,
    /// The nonce that was signed.
    pub nonce: Option<&'a str>,
}

/// The fields of the `connect` frame that the signature covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFields<'a> {
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// `role`.
    pub role: &'a str,
    /// `scopes`, in the order given.
    pub scopes: &'a [String],
    /// `auth.token`, else `auth.deviceToken`, else `auth.bootstrapToken`, else empty.
    pub token: &'a str,
    /// `client.platform`.
    pub platform: &'a str,
    /// `client.deviceFamily`.
    pub device_family: &'a str,
}

/// Why a device proof was refused; the code is the protocol's `details.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceRefusal {
    /// The id is not the key's.
    IdMismatch,
    /// Signed too long ago or in the future.
    Expired,
    /// No nonce.
    NonceRequired,
    /// Another challenge's nonce.
    NonceMismatch,
    /// Neither version of the payload verifies.
    SignatureInvalid,
    /// Not an Ed25519 key.
    KeyInvalid,
}

impl DeviceRefusal {
    /// Message, `details.code` and `details.reason` of the protocol.
    #[must_use]
    pub const fn wire(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::IdMismatch => ("device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch"),
            Self::Expired => ("device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale"),
            Self::NonceRequired => ("device nonce required", "DEVICE_AUTH_NONCE_REQUIRED", "device-nonce-required"),
            Self::NonceMismatch => ("device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH", "device-nonce-mismatch"),
            Self::SignatureInvalid => ("device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID", "device-signature"),
            Self::KeyInvalid => ("device public key invalid", "DEVICE_AUTH_PUBLIC_KEY_INVALID", "device-public-key"),
        }
    }
}

/// Verifies a device's proof against this connection's challenge.
///
/// # Errors
/// The first check that fails, in the order of the protocol.
pub fn verify_device(
    proof: &DeviceProof<'_>,
    fields: &SignedFields<'_>,
    challenge_nonce: &str,
    now: Timestamp,
) -> Result<(), DeviceRefusal> {
    let key = raw_key(proof.public_key).ok_or(DeviceRefusal::KeyInvalid)?;
    if Digest::of(&key).hex() != proof.id {
        return Err(DeviceRefusal::IdMismatch);
    }
    if now.skew(proof.signed_at) > MAX_SKEW {
        return Err(DeviceRefusal::Expired);
    }
    let nonce = proof.nonce.filter(|nonce| !nonce.is_empty()).ok_or(DeviceRefusal::NonceRequired)?;
    if !Secret::new(challenge_nonce).matches(nonce) {
        return Err(DeviceRefusal::NonceMismatch);
    }
    let signature =
        URL_SAFE_NO_PAD.decode(proof.signature.trim_end_matches('=')).map_err(|_| DeviceRefusal::SignatureInvalid)?;
    let verifier = UnparsedPublicKey::new(&ED25519, &key);
    let signed = |payload: String| verifier.verify(payload.as_bytes(), &signature).is_ok();
    if signed(payload_v3(proof, fields, nonce)) || signed(payload_v2(proof, fields, nonce)) {
        return Ok(());
    }
    Err(DeviceRefusal::SignatureInvalid)
}

fn payload_v2(proof: &DeviceProof<'_>, fields: &SignedFields<'_>, nonce: &str) -> String {
    format!("v2|{}", payload_core(proof, fields, nonce))
}

fn payload_v3(proof: &DeviceProof<'_>, fields: &SignedFields<'_>, nonce: &str) -> String {
    let fold = |text: &str| text.trim().to_ascii_lowercase();
    format!("v3|{}|{}|{}", payload_core(proof, fields, nonce), fold(fields.platform), fold(fields.device_family))
}

fn payload_core(proof: &DeviceProof<'_>, fields: &SignedFields<'_>, nonce: &str) -> String {
    format!(
        "{}|{}|{}|{}|{}|{}|{}|{nonce}",
        proof.id,
        fields.client_id,
        fields.client_mode,
        fields.role,
        fields.scopes.join(","),
        proof.signed_at.0,
        fields.token,
    )
}

/// The raw 32 bytes of a key given as base64url or as an SPKI PEM.
fn raw_key(text: &str) -> Option<Vec<u8>> {
    let key = if let Some(body) = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----") {
        let body: String = body.split("-----END").next()?.split_whitespace().collect();
        STANDARD.decode(body).ok()?.strip_prefix(ED25519_SPKI)?.to_vec()
    } else {
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?
    };
    (key.len() == 32).then_some(key)
}

/// DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410).
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

#[cfg(test)]
#[path = "identity/tests.rs"]
mod tests;
