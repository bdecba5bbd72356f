//! Ed25519 keys and their libp2p protobuf form.

use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};

use basalt_terms::peer_id::PeerId;
use basalt_terms::protobuf::ProtobufError;
use basalt_terms::public_key::{self, Message};

/// An Ed25519 key pair: the identity of this peer, of a worker or of a client.
#[derive(Clone)]
pub struct Keypair(SigningKey);

impl Keypair {
    /// The pair of a 32-byte seed (RFC 8032's private key).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The seed. It is a secret: whoever has it can act as this peer.
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
    /// The key is not a point of the curve.
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
            Self::Kind(kind) => {
                let name = match kind {
                    0 => " (RSA)",
                    2 => " (secp256k1)",
                    3 => " (ECDSA)",
                    _ => "",
                };
                write!(
                    f,
                    "public keys of kind {kind}{name} are not supported, only Ed25519"
                )
            }
            Self::KeyLength(len) => write!(f, "an Ed25519 key has 32 bytes, not {len}"),
            Self::NotAPoint => f.write_str("the Ed25519 key is not a point of the curve"),
            Self::SignatureLength(len) => write!(f, "an Ed25519 signature has 64 bytes, not {len}"),
            Self::Mismatch => f.write_str("the signature does not match key and message"),
        }
    }
}

impl core::error::Error for KeyError {}

impl PublicKey {
    /// Reads libp2p's `PublicKey` protobuf message.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, KeyError> {
        let Message { kind, data } = Message::read(bytes).map_err(KeyError::Protobuf)?;
        match kind {
            public_key::ED25519 => data
                .try_into()
                .map(Self::Ed25519)
                .map_err(|_| KeyError::KeyLength(data.len())),
            other => Err(KeyError::Kind(other)),
        }
    }

    /// The key inside a peer id; `None` if the id only holds a hash of it or a key of an unknown
    /// kind.
    pub fn of_peer(peer: &PeerId) -> Option<Self> {
        peer.ed25519_key().map(Self::Ed25519)
    }

    /// The libp2p `PublicKey` protobuf message, 36 bytes.
    pub fn to_protobuf(&self) -> [u8; public_key::ED25519_LEN] {
        let Self::Ed25519(key) = self;
        public_key::ed25519_message(key)
    }

    /// The id of the peer that holds this key.
    pub fn peer_id(&self) -> PeerId {
        let Self::Ed25519(key) = self;
        PeerId::from_ed25519(key)
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
    use alloc::string::ToString;
    use base64::Engine;

    #[test]
    fn id_of_the_known_seed() {
        let seed = base64::engine::general_purpose::STANDARD
            .decode("7h48PQ/f1rS9TxacmgODxbD42Il9B3KC117jvOPppPE=")
            .unwrap();
        let keypair = Keypair::from_seed(seed.try_into().unwrap());
        let id = keypair.peer_id();
        assert_eq!(
            id.to_string(),
            "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D"
        );
        assert_eq!(PublicKey::of_peer(&id), Some(keypair.public()));
    }

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
