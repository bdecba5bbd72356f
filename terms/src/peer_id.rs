//! Peer ids: the multihash of a public key, written as base58 (libp2p "Peer Ids and Keys").

use core::fmt;
use core::str::FromStr;

use crate::base58;
use crate::public_key::{self, Message};
use crate::varint;

/// Multihash code of a digest that is the input itself.
const IDENTITY: u64 = 0x00;
/// Multihash code of SHA-256.
const SHA2_256: u64 = 0x12;
/// Keys up to this size are inlined in the id (libp2p "Peer Ids").
const MAX_INLINE_KEY: usize = 42;
/// Code and length take one byte each below 128.
const MAX_LEN: usize = 2 + MAX_INLINE_KEY;
/// Longest text read. The text of `MAX_LEN` bytes has 61 digits at most.
const MAX_TEXT: usize = 64;

/// The identity of a peer. Copying it copies 45 bytes and allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    bytes: [u8; MAX_LEN],
    len: u8,
}

/// Why bytes or text are not a peer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerIdError {
    /// The text is not base58.
    Base58,
    /// The bytes are not a multihash, or not one of a length that peer ids have.
    Multihash,
    /// The multihash is neither `identity` nor SHA-256.
    HashFunction(u64),
}

impl fmt::Display for PeerIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base58 => f.write_str("the peer id is not base58 text"),
            Self::Multihash => f.write_str("the peer id is not a well-formed multihash"),
            Self::HashFunction(code) => {
                write!(
                    f,
                    "the peer id uses hash function {code:#x}, not identity or SHA-256"
                )
            }
        }
    }
}

impl core::error::Error for PeerIdError {}

impl PeerId {
    /// Reads the multihash bytes of an id.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PeerIdError> {
        let (code, used) = varint::read(bytes).map_err(|_| PeerIdError::Multihash)?;
        let (len, used_len) = varint::read(&bytes[used..]).map_err(|_| PeerIdError::Multihash)?;
        let digest = &bytes[used + used_len..];
        if len != digest.len() as u64 {
            return Err(PeerIdError::Multihash);
        }
        let fits = match code {
            IDENTITY => digest.len() <= MAX_INLINE_KEY,
            SHA2_256 => digest.len() == 32,
            other => return Err(PeerIdError::HashFunction(other)),
        };
        if !fits {
            return Err(PeerIdError::Multihash);
        }
        let mut id = Self {
            bytes: [0; MAX_LEN],
            len: bytes.len() as u8,
        };
        id.bytes[..bytes.len()].copy_from_slice(bytes);
        Ok(id)
    }

    /// The id of an Ed25519 public key given as its 32 raw bytes, as chain records hold it.
    pub fn from_ed25519(key: &[u8; 32]) -> Self {
        const LEN: usize = public_key::ED25519_LEN;
        let mut id = Self {
            bytes: [0; MAX_LEN],
            len: 2 + LEN as u8,
        };
        id.bytes[0] = IDENTITY as u8;
        id.bytes[1] = LEN as u8;
        id.bytes[2..2 + LEN].copy_from_slice(&public_key::ed25519_message(key));
        id
    }

    /// The multihash bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The 32 raw bytes of the Ed25519 key inside the id; `None` if the id only holds a hash of its
    /// key, or a key of another kind. They were not checked to be a point of the curve.
    pub fn ed25519_key(&self) -> Option<[u8; 32]> {
        match self.as_bytes() {
            [0, _, key @ ..] => Message::read(key).ok()?.ed25519(),
            _ => None,
        }
    }
}

impl FromStr for PeerId {
    type Err = PeerIdError;

    /// Reads the base58 text. The CIDv1 form is not used on Fluence's wires and is refused.
    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        // Base58 takes quadratic time, so long texts are refused first.
        if text.len() > MAX_TEXT {
            return Err(PeerIdError::Multihash);
        }
        let mut bytes = [0; MAX_TEXT];
        let len = base58::decode(text, &mut bytes).ok_or(PeerIdError::Base58)?;
        Self::from_bytes(&bytes[..len])
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; base58::MAX_DIGITS];
        let len = base58::encode(self.as_bytes(), &mut text).ok_or(fmt::Error)?;
        f.pad(core::str::from_utf8(&text[..len]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const TEXT: &str = "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D";

    #[test]
    fn text_bytes_and_key_of_an_id() {
        let id: PeerId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(id.as_bytes()[..6], [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
        let key = id.ed25519_key().unwrap();
        assert_eq!(id.as_bytes()[6..], key);
        assert_eq!(PeerId::from_ed25519(&key), id);
        assert_eq!(PeerId::from_bytes(id.as_bytes()), Ok(id));
    }

    #[test]
    fn hashed_ids_hold_no_key() {
        let id: PeerId = "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"
            .parse()
            .unwrap();
        assert_eq!(id.as_bytes().len(), 34);
        assert_eq!(id.ed25519_key(), None);
    }

    #[test]
    fn refusals() {
        assert_eq!("0OIl".parse::<PeerId>(), Err(PeerIdError::Base58));
        assert_eq!("".parse::<PeerId>(), Err(PeerIdError::Multihash));
        assert_eq!(
            "1".repeat(4000).parse::<PeerId>(),
            Err(PeerIdError::Multihash)
        );
        assert_eq!(
            PeerId::from_bytes(&[0x13, 1, 0]),
            Err(PeerIdError::HashFunction(0x13))
        );
        assert_eq!(
            PeerId::from_bytes(&[0x12, 1, 0]),
            Err(PeerIdError::Multihash)
        );
        assert_eq!(PeerId::from_bytes(&[0x00, 43]), Err(PeerIdError::Multihash));
    }
}
