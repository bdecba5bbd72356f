//! Ed25519 keys and their libp2p protobuf form.

use core::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

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
    /// The key has a length that keys of its kind do not have.
    KeyLength(usize),
    /// The key is not a point of its curve, in the one form that it has, or not an RSA key.
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
                write!(f, "public keys of kind {kind}{name} are not supported here")
            }
            Self::KeyLength(len) => write!(f, "no key of this kind has {len} bytes"),
            Self::NotAPoint => f.write_str("the key is none of its kind"),
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

    /// Checks that `signature` is this key's signature of `message`. Strictly: under a key of small
    /// order one signature fits many messages, so whoever presents such a key could say that it has
    /// signed what it never saw. No seed gives such a key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let Self::Ed25519(key) = self;
        let signature = Signature::from_slice(signature)
            .map_err(|_| KeyError::SignatureLength(signature.len()))?;
        if !public_key::is_canonical(key) {
            return Err(KeyError::NotAPoint);
        }
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::NotAPoint)?;
        key.verify_strict(message, &signature)
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
    use ed25519_dalek::Verifier;

    /// Encodings of the eight points of small order, and other forms that libraries read.
    const WEAK: [&str; 14] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    fn key(hex: &str) -> [u8; 32] {
        let byte = |index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap();
        core::array::from_fn(byte)
    }

    /// A signature that nobody made: the neutral point, and zero. It fits every message whose hash
    /// the key's order divides.
    fn forged() -> [u8; 64] {
        let mut signature = [0; 64];
        signature[0] = 1;
        signature
    }

    #[test]
    fn nothing_is_signed_by_a_key_of_small_order() {
        let mut loosely = 0;
        for weak in WEAK {
            let bytes = key(weak);
            for number in 0..64_u8 {
                let message = [number; 3];
                let known = VerifyingKey::from_bytes(&bytes).ok();
                let signature = Signature::from_bytes(&forged());
                let fits = |key: VerifyingKey| key.verify(&message, &signature).is_ok();
                loosely += usize::from(known.is_some_and(fits));
                let strictly = PublicKey::Ed25519(bytes).verify(&message, &forged());
                assert!(strictly.is_err(), "{weak} {number}");
            }
        }
        // The forgery is a real one.
        assert!(loosely > 64, "{loosely}");
    }

    #[test]
    fn each_honest_key_passes() {
        for seed in 0..=u8::MAX {
            let pair = Keypair::from_seed([seed; 32]);
            let message = [seed; 40];
            let signature = pair.sign(&message);
            assert_eq!(pair.public().verify(&message, &signature), Ok(()));
        }
    }

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
