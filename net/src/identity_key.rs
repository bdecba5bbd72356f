//! The keys by which peers prove who they are (libp2p "Peer Ids and Keys"): Ed25519, which every
//! peer of the network has, and secp256k1, RSA and ECDSA, which other libraries make as well.
//! Particles are signed by Ed25519 keys only ([`crate::keypair`]).

use alloc::vec::Vec;
use core::fmt;

use k256::ecdsa::signature::hazmat::PrehashVerifier as _;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use crate::keypair::{KeyError, PublicKey};
use basalt_terms::peer_id::PeerId;
use basalt_terms::protobuf;
use basalt_terms::public_key::{self, Message};

/// `KeyType` of RSA: a `SubjectPublicKeyInfo` of 2048 to 8192 bits, PKCS #1 v1.5 with SHA-256.
const RSA: u64 = 0;
/// `KeyType` of secp256k1: a compressed point, ECDSA with SHA-256.
const SECP256K1: u64 = 2;
/// `KeyType` of ECDSA: a `SubjectPublicKeyInfo` of P-256 or P-384, with SHA-256.
const ECDSA: u64 = 3;

/// Longest key, in bytes: RSA of 8192 bits with what stands around it. Bounds the work for it.
const MAX_KEY: usize = 1100;

/// `AlgorithmIdentifier` of RSA (RFC 8017, appendix A.1): `rsaEncryption` and `NULL`.
const RSA_ENCRYPTION: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// `AlgorithmIdentifier` of a key on P-256 (RFC 5480).
const P256: [u8; 21] = [
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];
/// The same on P-384.
const P384: [u8; 18] = [
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x22,
];

/// A key of one of the kinds.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityKey {
    kind: u64,
    data: Vec<u8>,
}

impl From<PublicKey> for IdentityKey {
    fn from(PublicKey::Ed25519(key): PublicKey) -> Self {
        Self {
            kind: public_key::ED25519,
            data: key.to_vec(),
        }
    }
}

impl IdentityKey {
    /// Reads libp2p's `PublicKey` protobuf message.
    ///
    /// # Errors
    /// It is malformed, of another kind, or longer than keys are.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, KeyError> {
        let Message { kind, data } = Message::read(bytes).map_err(KeyError::Protobuf)?;
        let fits = match kind {
            public_key::ED25519 => data.len() == 32,
            SECP256K1 => data.len() == 33,
            RSA | ECDSA => !data.is_empty() && data.len() <= MAX_KEY,
            other => return Err(KeyError::Kind(other)),
        };
        let data = data.to_vec();
        match fits {
            true => Ok(Self { kind, data }),
            false => Err(KeyError::KeyLength(data.len())),
        }
    }

    /// The message, in the one form that a peer id is made of.
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.data.len() + 8);
        protobuf::write_varint(1, self.kind, &mut out);
        protobuf::write_bytes(2, &self.data, &mut out);
        out
    }

    /// The id of the peer that holds this key.
    pub fn peer_id(&self) -> PeerId {
        PeerId::of_key(&self.to_protobuf(), |message| {
            Sha256::digest(message).into()
        })
    }

    /// Checks that `signature` is this key's signature of `message`.
    ///
    /// # Errors
    /// It is not, or the key is none.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let data = &self.data[..];
        let holds = match self.kind {
            public_key::ED25519 => {
                let key = data
                    .try_into()
                    .map_err(|_| KeyError::KeyLength(data.len()))?;
                return PublicKey::Ed25519(key).verify(message, signature);
            }
            SECP256K1 => secp256k1(data, message, signature),
            RSA => {
                let key = inside(data, &RSA_ENCRYPTION).ok_or(KeyError::NotAPoint)?;
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
                key.verify(message, signature).ok()
            }
            _ => match (inside(data, &P256), inside(data, &P384)) {
                (Some(key), _) => p256(key, message, signature),
                (_, Some(key)) => p384(key, message, signature),
                _ => return Err(KeyError::Kind(self.kind)),
            },
        };
        holds.ok_or(KeyError::Mismatch)
    }
}

fn secp256k1(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = k256::ecdsa::Signature::from_der(signature).ok()?;
    // Either of the two forms that a signature has is one.
    let signature = signature.normalize_s();
    key.verify_prehash(&Sha256::digest(message), &signature)
        .ok()
}

fn p256(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(&Sha256::digest(message), &signature)
        .ok()
}

fn p384(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(&Sha256::digest(message), &signature)
        .ok()
}

/// The key inside a `SubjectPublicKeyInfo` with this algorithm (RFC 5280, section 4.1).
fn inside<'a>(bytes: &'a [u8], algorithm: &[u8]) -> Option<&'a [u8]> {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    let (content, rest) = element(bytes, SEQUENCE)?;
    let (key, end) = element(content.strip_prefix(algorithm)?, BIT_STRING)?;
    // No bits of the last byte are unused.
    let key = key.strip_prefix(&[0])?;
    (rest.is_empty() && end.is_empty()).then_some(key)
}

/// Takes one DER element of a tag off: its content, and what follows it (X.690, section 8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (len, rest) = match rest {
        [len @ 0..=0x7f, rest @ ..] => (usize::from(*len), rest),
        [0x81, len @ 0x80..=0xff, rest @ ..] => (usize::from(*len), rest),
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            (usize::from(*high) << 8 | usize::from(*low), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({})", self.peer_id())
    }
}
