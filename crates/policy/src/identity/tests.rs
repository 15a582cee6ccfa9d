//! The real clients' signatures verify, and nothing else does.

use serde_json::Value;

use super::*;

struct Vector(Value);

impl Vector {
    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn scopes(&self) -> Vec<String> {
        let scopes = self.0["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
        scopes.iter().map(|scope| scope.as_str().expect("text").to_owned()).collect()
    }

    fn signed_at(&self) -> Timestamp {
        Timestamp(self.0["device"]["signedAt"].as_i64().expect("a number"))
    }

    fn proof(&self) -> DeviceProof<'_> {
        DeviceProof {
            id: self.text("/device/id"),
            public_key: self.text("/device/publicKey"),
            signature: self.text("/device/signature"),
            signed_at: self.signed_at(),
            nonce: Some(self.text("/device/nonce")),
        }
    }

    fn verify<'a>(
        &'a self,
        change: impl FnOnce(&mut DeviceProof<'a>, &mut SignedFields<'_>),
    ) -> Result<(), DeviceRefusal> {
        let scopes = self.scopes();
        let mut proof = self.proof();
        let mut fields = SignedFields {
            client_id: self.text("/client/id"),
            client_mode: self.text("/client/mode"),
            role: self.text("/role"),
            scopes: &scopes,
            token: self.text("/authToken"),
            platform: self.text("/client/platform"),
            device_family: self.text("/client/deviceFamily"),
        };
        change(&mut proof, &mut fields);
        verify_device(&proof, &fields, self.text("/device/nonce"), self.signed_at())
    }
}

fn vectors() -> Vec<Vector> {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../tests/data/device-signatures.json")).expect("json");
    assert!(all.len() >= 14);
    all.into_iter().map(Vector).collect()
}

#[test]
fn signatures_of_real_clients_verify() {
    for vector in vectors() {
        assert_eq!(vector.verify(|_, _| {}), Ok(()), "{}", vector.text("/payload"));
    }
}

#[test]
fn what_was_not_signed_does_not_verify() {
    for vector in vectors() {
        let invalid = Err(DeviceRefusal::SignatureInvalid);
        assert_eq!(vector.verify(|_, fields| fields.token = "another"), invalid);
        assert_eq!(vector.verify(|_, fields| fields.role = "node2"), invalid);
        assert_eq!(vector.verify(|_, fields| fields.client_id = "cli2"), invalid);
        assert_eq!(vector.verify(|proof, _| proof.signature = "AAAA"), invalid);
        assert_eq!(vector.verify(|_, fields| fields.scopes = &[]).is_ok(), vector.scopes().is_empty());
    }
}

#[test]
fn checks_answer_in_the_protocols_order() {
    let vectors = vectors();
    let (one, other) = (&vectors[0], vectors.iter().find(|v| v.text("/device/id") != vectors[0].text("/device/id")));
    let other = other.expect("two devices among the vectors");
    assert_eq!(one.verify(|proof, _| proof.id = other.text("/device/id")), Err(DeviceRefusal::IdMismatch));
    assert_eq!(one.verify(|proof, _| proof.public_key = "zz"), Err(DeviceRefusal::KeyInvalid));
    assert_eq!(one.verify(|proof, _| proof.signed_at.0 -= 120_001), Err(DeviceRefusal::Expired));
    assert_eq!(one.verify(|proof, _| proof.signed_at.0 += 120_001), Err(DeviceRefusal::Expired));
    assert_eq!(one.verify(|proof, _| proof.nonce = None), Err(DeviceRefusal::NonceRequired));
    assert_eq!(one.verify(|proof, _| proof.nonce = Some("x")), Err(DeviceRefusal::NonceMismatch));
}

#[test]
fn a_pem_key_is_the_same_key() {
    let vector = &vectors()[0];
    let raw = URL_SAFE_NO_PAD.decode(vector.text("/device/publicKey")).expect("base64url");
    let der: Vec<u8> = ED25519_SPKI.iter().copied().chain(raw).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    let (scopes, mut proof) = (vector.scopes(), vector.proof());
    proof.public_key = &pem;
    let fields = SignedFields {
        client_id: vector.text("/client/id"),
        client_mode: vector.text("/client/mode"),
        role: vector.text("/role"),
        scopes: &scopes,
        token: vector.text("/authToken"),
        platform: vector.text("/client/platform"),
        device_family: vector.text("/client/deviceFamily"),
    };
    assert_eq!(verify_device(&proof, &fields, vector.text("/device/nonce"), vector.signed_at()), Ok(()));
}
