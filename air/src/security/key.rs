//! The key a peer signs with.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use basalt_terms::PeerId;
use core::fmt;
use ed25519_dalek::{Signer, SigningKey};

/// Format byte of Ed25519 in front of keys and signatures.
pub(crate) const ED25519: u8 = 0;

/// A peer's key pair, made ready once and cheap to clone.
///
/// The interface allows malformed keys, and reports them late (AIR spec section 1, step 8): making
/// a `Key` never fails, running with a malformed one does.
#[derive(Clone)]
pub struct Key(Arc<Inner>);

struct Inner {
    pair: Result<SigningKey, KeyError>,
}

/// Why a key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The key's format byte is not 0.
    UnknownFormat(u8),
    /// The secret is not 32 bytes long.
    Length(usize),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFormat(format) => {
                write!(
                    f,
                    "key format {format} is not supported, only Ed25519 (0) is"
                )
            }
            Self::Length(len) => write!(f, "the secret is {len} bytes long, 32 are needed"),
        }
    }
}

impl core::error::Error for KeyError {}

impl Key {
    /// A key in any format; `secret` is the 32-byte seed of Ed25519.
    pub fn new(format: u8, secret: &[u8]) -> Self {
        let pair = if format != ED25519 {
            Err(KeyError::UnknownFormat(format))
        } else {
            secret
                .try_into()
                .map(SigningKey::from_bytes)
                .map_err(|_| KeyError::Length(secret.len()))
        };
        Key(Arc::new(Inner { pair }))
    }

    /// An Ed25519 key from its seed.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self::new(ED25519, seed)
    }

    pub(crate) fn check(&self) -> Result<(), KeyError> {
        self.0.pair.as_ref().map(drop).map_err(|error| *error)
    }

    /// The public key with its format byte, if the key is well formed.
    pub fn public(&self) -> Result<[u8; 33], KeyError> {
        let pair = self.0.pair.as_ref().map_err(|error| *error)?;
        Ok(prefixed(&pair.verifying_key().to_bytes()))
    }

    /// The id of the peer with this key.
    ///
    /// # Errors
    /// As for [`Self::public`].
    pub fn peer_id(&self) -> Result<String, KeyError> {
        let [_, key @ ..] = &self.public()?;
        Ok(base58_peer_id(key))
    }

    /// Signs; the signature carries its format byte.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 65], KeyError> {
        let pair = self.0.pair.as_ref().map_err(|error| *error)?;
        Ok(prefixed(&pair.sign(message).to_bytes()))
    }
}

fn prefixed<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    let mut out = [ED25519; M];
    out[1..].copy_from_slice(bytes);
    out
}

/// The peer id of an Ed25519 key, in base58.
pub(super) fn base58_peer_id(key: &[u8; 32]) -> String {
    PeerId::from_ed25519(key).to_string()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.public()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ed25519-dalek` was chosen by measurement; `ed25519-compact` must agree with it.
    #[test]
    fn two_libraries_agree() {
        for byte in b'A'..=b'J' {
            let seed = [byte; 32];
            let key = Key::ed25519(&seed);
            let other = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(seed));
            assert_eq!(key.public().unwrap()[1..], other.pk[..]);
            for len in [0, 1, 100, 5000] {
                let message = alloc::vec![byte; len];
                let signature = key.sign(&message).unwrap();
                assert_eq!(signature[1..], other.sk.sign(&message, None)[..]);
                let parsed = ed25519_compact::Signature::from_slice(&signature[1..]).unwrap();
                assert!(other.pk.verify(&message, &parsed).is_ok());
            }
        }
    }

    #[test]
    fn peer_ids() {
        let key = Key::ed25519(&[b'A'; 32]);
        let id = "12D3KooWQbb6k91VYokt5K45RdSVM4oyN3QhkCNwwfqy1L3DWbsz";
        assert_eq!(key.peer_id().unwrap(), id);
        assert_eq!(
            Key::new(1, &[0; 32]).peer_id(),
            Err(KeyError::UnknownFormat(1))
        );
        assert_eq!(Key::new(0, &[0; 31]).peer_id(), Err(KeyError::Length(31)));
    }
}
