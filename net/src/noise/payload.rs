//! The payload of handshake messages 2 and 3 (libp2p "noise", section "The libp2p Handshake
//! Payload").

use alloc::vec::Vec;

use super::error::NoiseError;
use crate::identity_key::IdentityKey;
use crate::keypair::Keypair;
use basalt_terms::peer_id::PeerId;
use basalt_terms::protobuf::{self, Fields};

/// What is signed in front of the X25519 key.
const SIGNED_PREFIX: &[u8] = b"noise-libp2p-static-key:";

mod field {
    pub(super) const IDENTITY_KEY: u32 = 1;
    pub(super) const IDENTITY_SIG: u32 = 2;
}

/// The payload, checked for form only. Extensions (field 4) are skipped: they are hints that nobody
/// here relies on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload<'a> {
    identity_key: &'a [u8],
    identity_sig: &'a [u8],
}

fn signed(static_key: &[u8; 32]) -> [u8; 56] {
    let mut signed = [0; 56];
    signed[..24].copy_from_slice(SIGNED_PREFIX);
    signed[24..].copy_from_slice(static_key);
    signed
}

/// The payload that proves that `identity` owns `static_key`.
pub(super) fn write(identity: &Keypair, static_key: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(104);
    protobuf::write_bytes(
        field::IDENTITY_KEY,
        &identity.public().to_protobuf(),
        &mut out,
    );
    protobuf::write_bytes(
        field::IDENTITY_SIG,
        &identity.sign(&signed(static_key)),
        &mut out,
    );
    out
}

impl<'a> Payload<'a> {
    /// Reads the fields.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NoiseError> {
        let mut payload = Self::default();
        for field in Fields::new(bytes) {
            let field = field.map_err(NoiseError::Payload)?;
            match field.number {
                field::IDENTITY_KEY => {
                    payload.identity_key = field.bytes().map_err(NoiseError::Payload)?;
                }
                field::IDENTITY_SIG => {
                    payload.identity_sig = field.bytes().map_err(NoiseError::Payload)?;
                }
                _ => {}
            }
        }
        Ok(payload)
    }

    /// Whether it shows just this signature and the key that is in this id.
    pub(super) fn is(&self, owner: &PeerId, signature: &[u8; 64]) -> bool {
        // Behind code and length; an id with a hash in it holds no key.
        let (head, key) = owner.as_bytes().split_at(2);
        self.identity_sig == signature && head[0] == 0 && self.identity_key == key
    }

    /// The signature as it came.
    pub(super) fn signature(&self) -> &'a [u8] {
        self.identity_sig
    }

    /// The identity that has signed `static_key`.
    pub fn verify(&self, static_key: &[u8; 32]) -> Result<PeerId, NoiseError> {
        let key = IdentityKey::from_protobuf(self.identity_key).map_err(NoiseError::Identity)?;
        key.verify(&signed(static_key), self.identity_sig)
            .map_err(NoiseError::Identity)?;
        Ok(key.peer_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Error;
    use crate::keypair::KeyError;
    use crate::refusal::Refusal;

    /// A payload with a key of a kind.
    fn of_kind(kind: u64, data: &[u8], signature: &[u8]) -> Vec<u8> {
        let (mut key, mut bytes) = (Vec::new(), Vec::new());
        protobuf::write_varint(1, kind, &mut key);
        protobuf::write_bytes(2, data, &mut key);
        protobuf::write_bytes(field::IDENTITY_KEY, &key, &mut bytes);
        protobuf::write_bytes(field::IDENTITY_SIG, signature, &mut bytes);
        bytes
    }

    fn verified(payload: &[u8], static_key: [u8; 32]) -> Result<PeerId, NoiseError> {
        Payload::read(payload).unwrap().verify(&static_key)
    }

    #[test]
    fn keys_of_unknown_kinds_are_told_from_broken_rules() {
        let unknown = NoiseError::Identity(KeyError::Kind(9));
        let payload = of_kind(9, &[2; 33], &[7; 71]);
        assert_eq!(verified(&payload, [5; 32]), Err(unknown));
        assert_eq!(Error::Noise(unknown).refusal(), Refusal::IdentityKind);
        let broken = NoiseError::Identity(KeyError::Mismatch);
        assert_eq!(Error::Noise(broken).refusal(), Refusal::ProtocolViolation);
    }

    #[test]
    fn peers_with_keys_of_other_libraries_prove_themselves() {
        use k256::ecdsa::signature::Signer as _;

        let message = signed(&[5; 32]);
        let secp256k1 = k256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
        let signature: k256::ecdsa::Signature = secp256k1.sign(&message);
        let point = secp256k1.verifying_key().to_sec1_point(true);
        let k256 = of_kind(2, point.as_bytes(), signature.to_der().as_bytes());

        let p256 = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
        let signature: p256::ecdsa::Signature = p256.sign(&message);
        let mut info = Vec::from([0x30, 0x59]);
        info.extend([0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
        info.extend([6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42, 0]);
        info.extend_from_slice(p256.verifying_key().to_sec1_point(false).as_bytes());
        let p256 = of_kind(3, &info, signature.to_der().as_bytes());

        let rsa = |text: &str| {
            let bytes = |text: &str| -> Vec<u8> {
                let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
                let byte = |pair: &[u8]| {
                    u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()
                };
                digits.chunks(2).map(byte).collect()
            };
            let (key, signature) = text.split_once("\n\n").unwrap();
            of_kind(0, &bytes(key), &bytes(signature))
        };
        let small = rsa(include_str!("../../tests/vectors/identity/rsa-1024.txt"));
        let rsa_2048 = rsa(include_str!("../../tests/vectors/identity/rsa-2048.txt"));
        let rsa_4096 = rsa(include_str!("../../tests/vectors/identity/rsa-4096.txt"));
        for (payload, form) in [
            (&k256, "16Uiu2HA"),
            (&p256, "Qm"),
            (&rsa_2048, "Qm"),
            (&rsa_4096, "Qm"),
        ] {
            let id = verified(payload, [5; 32]).unwrap();
            assert!(std::format!("{id}").starts_with(form), "{id}");
            // What is signed, who has signed it, and the signature are all of them.
            let mismatch = Err(NoiseError::Identity(KeyError::Mismatch));
            assert_eq!(verified(payload, [6; 32]), mismatch);
            let mut forged = payload.clone();
            *forged.last_mut().unwrap() ^= 1;
            assert_eq!(verified(&forged, [5; 32]), mismatch);
            for cut in [10, 30] {
                let mut other = payload.clone();
                other[cut] ^= 1;
                assert_ne!(verified(&other, [5; 32]), Ok(id));
            }
        }
        // Keys that are too small to prove anything, too big to be checked, and none at all.
        let mismatch = Err(NoiseError::Identity(KeyError::Mismatch));
        assert_eq!(verified(&small, [5; 32]), mismatch);
        for (kind, len) in [(0, 1_101), (0, 0), (2, 65), (2, 32), (3, 1_101), (1, 33)] {
            let payload = of_kind(kind, &std::vec![2; len], &[7; 71]);
            let length = NoiseError::Identity(KeyError::KeyLength(len));
            assert_eq!(verified(&payload, [5; 32]), Err(length));
        }
        for kind in [0, 2, 3] {
            for len in [1, 33, 270] {
                let payload = of_kind(kind, &std::vec![2; len], &[7; 71]);
                assert!(verified(&payload, [5; 32]).is_err());
            }
        }
    }
}
