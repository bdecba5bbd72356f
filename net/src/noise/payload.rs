//! The payload of handshake messages 2 and 3 (libp2p "noise", section "The libp2p Handshake
//! Payload").

use alloc::vec::Vec;

use super::error::NoiseError;
use crate::keypair::{Keypair, PublicKey};
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

    /// Whether it shows just this key and signature.
    pub(super) fn is(&self, owner: &PublicKey, signature: &[u8; 64]) -> bool {
        self.identity_sig == signature && self.identity_key == owner.to_protobuf()
    }

    /// The signature as it came.
    pub(super) fn signature(&self) -> &'a [u8] {
        self.identity_sig
    }

    /// The identity that has signed `static_key`.
    pub fn verify(&self, static_key: &[u8; 32]) -> Result<PublicKey, NoiseError> {
        let key = PublicKey::from_protobuf(self.identity_key).map_err(NoiseError::Identity)?;
        key.verify(&signed(static_key), self.identity_sig)
            .map_err(NoiseError::Identity)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Error;
    use crate::keypair::KeyError;
    use crate::refusal::Refusal;

    #[test]
    fn keys_of_other_kinds_are_told_from_broken_rules() {
        for kind in [0, 2, 3, 9] {
            let (mut key, mut bytes) = (Vec::new(), Vec::new());
            protobuf::write_varint(1, kind, &mut key);
            protobuf::write_bytes(2, &[2; 33], &mut key);
            protobuf::write_bytes(field::IDENTITY_KEY, &key, &mut bytes);
            protobuf::write_bytes(field::IDENTITY_SIG, &[7; 71], &mut bytes);
            let error = Payload::read(&bytes).unwrap().verify(&[5; 32]).unwrap_err();
            assert_eq!(error, NoiseError::Identity(KeyError::Kind(kind)));
            assert_eq!(Error::Noise(error).refusal(), Refusal::IdentityKind);
        }
        let broken = NoiseError::Identity(KeyError::Mismatch);
        assert_eq!(Error::Noise(broken).refusal(), Refusal::ProtocolViolation);
    }
}
