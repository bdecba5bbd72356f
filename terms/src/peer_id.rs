//! Peer ids: the multihash of a public key, written as base58 (libp2p "Peer Ids and Keys"). The
//! other form that the specification has, a CID, is read too and never written.

use core::fmt;
use core::str::FromStr;

use crate::base58;
use crate::multibase;
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
/// Longest base58 text read. The text of `MAX_LEN` bytes has 61 digits at most.
const MAX_TEXT: usize = 64;
/// Longest text of a CID of a key; in base16 it has 93 digits.
const MAX_CID: usize = 100;
/// What a CID of a key has in front of its multihash: the version, and the codec `libp2p-key`.
const CID_OF_KEY: [u8; 2] = [1, 0x72];

/// The identity of a peer. Copying it copies 45 bytes and allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    bytes: [u8; MAX_LEN],
    len: u8,
}

/// Why bytes or text are not a peer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerIdError {
    /// The text is neither base58 nor a CID.
    Base58,
    /// The text is a CID, but not one of version 1 with the codec `libp2p-key`.
    Cid,
    /// The bytes are not a multihash, or not one of a length that peer ids have.
    Multihash,
    /// The multihash is neither `identity` nor SHA-256.
    HashFunction(u64),
}

impl fmt::Display for PeerIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base58 => f.write_str("the peer id is neither base58 text nor a CID"),
            Self::Cid => f.write_str("the peer id is a CID of something else than a key"),
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

    /// The id of a key, given as its `PublicKey` message: that itself if it is short, else its
    /// SHA-256 (libp2p "Peer Ids").
    pub fn of_key(message: &[u8], sha256: impl FnOnce(&[u8]) -> [u8; 32]) -> Self {
        let hash;
        let (code, digest) = match message.len() {
            0..=MAX_INLINE_KEY => (IDENTITY, message),
            _ => {
                hash = sha256(message);
                (SHA2_256, &hash[..])
            }
        };
        let mut id = Self {
            bytes: [0; MAX_LEN],
            len: 2 + digest.len() as u8,
        };
        id.bytes[0] = code as u8;
        id.bytes[1] = digest.len() as u8;
        id.bytes[2..2 + digest.len()].copy_from_slice(digest);
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

    /// Reads both forms of text: base58, which starts with `1` or `Qm`, and a CID in any base.
    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        let plain = text.starts_with('1') || text.starts_with("Qm");
        if !plain && let Some(cid) = multibase::decode(text, MAX_CID) {
            let hash = cid.strip_prefix(&CID_OF_KEY).ok_or(PeerIdError::Cid)?;
            return Self::from_bytes(hash);
        }
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
        let message = public_key::ed25519_message(&key);
        assert_eq!(PeerId::of_key(&message, |_| [0; 32]), id);
        assert_eq!(
            PeerId::of_key(&[7; 43], |_| [9; 32]).as_bytes()[..3],
            [0x12, 32, 9]
        );
        assert_eq!(PeerId::from_bytes(id.as_bytes()), Ok(id));
    }

    #[test]
    fn cids_of_keys_are_the_same_ids() {
        let id: PeerId = TEXT.parse().unwrap();
        let cid = [&[1, 0x72], id.as_bytes()].concat();
        let in_base32 = "bafzaajaiaejcaccrvnsutoxzqxfpfqvcavogvjqn64zbhmo55uxgv4rxu6jh52x2";
        assert_eq!(in_base32.parse(), Ok(id));
        assert_eq!(in_base32.to_uppercase().parse(), Ok(id));
        let in_base58 = std::format!("z{}", bs58::encode(&cid).into_string());
        assert_eq!(in_base58.parse(), Ok(id));
        let hex: alloc::string::String = cid.iter().map(|b| std::format!("{b:02x}")).collect();
        assert_eq!(std::format!("f{hex}").parse(), Ok(id));
        // From the specification, of which one is base36.
        let hashed: PeerId = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
            .parse()
            .unwrap();
        let text = "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe";
        assert_eq!(text.parse(), Ok(hashed));
        let text = "k2k4r8jl0yz8qjgqbmc2cdu5hkqek5rj6flgnlkyywynci20j0iuyfuj";
        let in_base36: PeerId = text.parse().unwrap();
        assert_eq!(in_base36.as_bytes()[..2], [0x12, 32]);
        // Content is not a peer, and a CID that is cut off is none.
        let content = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
        assert_eq!(content.parse::<PeerId>(), Err(PeerIdError::Cid));
        assert!(in_base32[..in_base32.len() - 2].parse::<PeerId>().is_err());
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
