//! Ed25519 keys and their libp2p protobuf form.

use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};

use crate::peer_id::PeerId;
use crate::protobuf::{Fields, ProtobufError};

/// `KeyType` of Ed25519 in libp2p's `PublicKey` message.
const ED25519: u64 = 1;
/// `PublicKey { type: Ed25519, data: 32 bytes }` up to the key itself.
const PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x20];

/// An Ed25519 key pair: the identity of this peer, of a worker or of a client.
#[derive(Clone)]
pub struct Keypair(SigningKey);

impl Keypair {
    /// The pair that grows from a 32-byte seed (RFC 8032's private key).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The seed: whoever has it is this peer.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.0.verifying_key().to_bytes())
    }

    /// The peer id of the public half.
    pub fn peer_id(&self) -> PeerId {
        self.public().peer_id()
    }

    /// Signs `message` (RFC 8032, 64 bytes).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.peer_id())
    }
}

/// A public key of a kind that can be verified here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKey {
    /// 32 raw bytes of an Ed25519 key.
    Ed25519([u8; 32]),
}

/// Why a key cannot be used or a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The protobuf around the key is malformed.
    Protobuf(ProtobufError),
    /// The key is of a kind that is not supported.
    Kind(u64),
    /// The key is not 32 bytes long.
    KeyLength(usize),
    /// The key is no point of the curve.
    NotAPoint,
    /// The signature is not 64 bytes long.
    SignatureLength(usize),
    /// The signature is not of this key and message.
    Mismatch,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protobuf(error) => write!(f, "malformed public key: {error}"),
            Self::Kind(kind) => write!(f, "public keys of kind {kind} are not supported"),
            Self::KeyLength(len) => write!(f, "an Ed25519 key has 32 bytes, not {len}"),
            Self::NotAPoint => f.write_str("the Ed25519 key is no point of the curve"),
            Self::SignatureLength(len) => write!(f, "an Ed25519 signature has 64 bytes, not {len}"),
            Self::Mismatch => f.write_str("the signature does not match key and message"),
        }
    }
}

impl core::error::Error for KeyError {}

impl PublicKey {
    /// Reads libp2p's `PublicKey` protobuf message.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, KeyError> {
        let (mut kind, mut data) = (0, &[][..]);
        for field in Fields::new(bytes) {
            let field = field.map_err(KeyError::Protobuf)?;
            match field.number {
                1 => kind = field.varint().map_err(KeyError::Protobuf)?,
                2 => data = field.bytes().map_err(KeyError::Protobuf)?,
                _ => {}
            }
        }
        match kind {
            ED25519 => data
                .try_into()
                .map(Self::Ed25519)
                .map_err(|_| KeyError::KeyLength(data.len())),
            other => Err(KeyError::Kind(other)),
        }
    }

    /// The libp2p `PublicKey` protobuf message, 36 bytes.
    pub fn to_protobuf(&self) -> [u8; 36] {
        let Self::Ed25519(key) = self;
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&PREFIX);
        bytes[4..].copy_from_slice(key);
        bytes
    }

    /// The id of the peer that holds this key.
    pub fn peer_id(&self) -> PeerId {
        PeerId::inline(&self.to_protobuf())
    }

    /// Checks that `signature` is this key's signature of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let Self::Ed25519(key) = self;
        let signature = Signature::from_slice(signature)
            .map_err(|_| KeyError::SignatureLength(signature.len()))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::NotAPoint)?;
        key.verify(message, &signature)
            .map_err(|_| KeyError::Mismatch)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.peer_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies() {
        let pair = Keypair::from_seed([7; 32]);
        let signature = pair.sign(b"message");
        assert_eq!(pair.public().verify(b"message", &signature), Ok(()));
        assert_eq!(
            pair.public().verify(b"massage", &signature),
            Err(KeyError::Mismatch)
        );
        assert_eq!(
            pair.public().verify(b"message", &signature[1..]),
            Err(KeyError::SignatureLength(63))
        );
        assert_eq!(Keypair::from_seed(pair.seed()).public(), pair.public());
    }

    #[test]
    fn protobuf_form() {
        let key = Keypair::from_seed([7; 32]).public();
        assert_eq!(PublicKey::from_protobuf(&key.to_protobuf()), Ok(key));
        assert_eq!(
            PublicKey::from_protobuf(&[8, 2, 0x12, 1, 9]),
            Err(KeyError::Kind(2))
        );
        assert_eq!(
            PublicKey::from_protobuf(&[8, 1, 0x12, 1, 9]),
            Err(KeyError::KeyLength(1))
        );
        assert_eq!(
            PublicKey::from_protobuf(&[8, 1, 0x12, 9]),
            Err(KeyError::Protobuf(ProtobufError::Truncated))
        );
    }
}
