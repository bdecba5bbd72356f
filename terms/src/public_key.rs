//! The `PublicKey` message that libp2p wraps public keys in (libp2p "Peer Ids and Keys").
//!
//! Only its form is handled here. Whether the bytes are a key, and whether a signature holds, is
//! for the crates that have the cryptography.

use crate::protobuf::{Fields, ProtobufError};

/// `KeyType` of Ed25519.
pub const ED25519: u64 = 1;
/// Length of the message that holds an Ed25519 key.
pub const ED25519_LEN: usize = 36;
/// `PublicKey { type: Ed25519, data: 32 bytes }` up to the key itself.
const ED25519_PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x20];

/// The fields of a `PublicKey` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The `KeyType`; 0, which is RSA, if the field is missing.
    pub kind: u64,
    /// The key, in the form that its kind asks for.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads the message. Fields of other numbers are skipped; the last of several equal ones
    /// counts.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ProtobufError> {
        let (mut kind, mut data) = (0, &[][..]);
        for field in Fields::new(bytes) {
            let field = field?;
            match field.number {
                1 => kind = field.varint()?,
                2 => data = field.bytes()?,
                _ => {}
            }
        }
        Ok(Self { kind, data })
    }

    /// The key, if it is of the Ed25519 kind and has its length.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        match self.kind {
            ED25519 => self.data.try_into().ok(),
            _ => None,
        }
    }
}

/// The message that holds an Ed25519 key.
pub fn ed25519_message(key: &[u8; 32]) -> [u8; ED25519_LEN] {
    let mut bytes = [0; ED25519_LEN];
    let (prefix, rest) = bytes.split_at_mut(ED25519_PREFIX.len());
    prefix.copy_from_slice(&ED25519_PREFIX);
    rest.copy_from_slice(key);
    bytes
}

/// Whether an Ed25519 key is written in the one form that its point has: its coordinate is below
/// the field's prime, 2^255 - 19 (RFC 8032, section 5.1.3). Libraries read other forms as well,
/// and then one key would have two peer ids.
pub fn is_canonical(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    // The highest bit is the sign of the other coordinate.
    let above = high & 0x7f == 0x7f && middle.iter().all(|&byte| byte == 0xff) && *low >= 0xed;
    !above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_end_below_the_prime() {
        let mut key = [0xff; 32];
        for high in [0x7f, 0xff] {
            key[31] = high;
            for low in 0..=u8::MAX {
                key[0] = low;
                assert_eq!(is_canonical(&key), low < 0xed, "{low:x}");
            }
        }
        key[16] = 0xfe;
        assert!(is_canonical(&key));
        assert!(is_canonical(&[0; 32]));
    }

    #[test]
    fn reads_what_it_writes() {
        let message = ed25519_message(&[7; 32]);
        let read = Message::read(&message).unwrap();
        assert_eq!((read.kind, read.ed25519()), (ED25519, Some([7; 32])));
    }

    #[test]
    fn keys_of_other_kinds_and_lengths_are_told_apart() {
        let other = Message::read(&[8, 2, 0x12, 1, 9]).unwrap();
        assert_eq!(
            (other.kind, other.data, other.ed25519()),
            (2, &[9][..], None)
        );
        let short = Message::read(&[8, 1, 0x12, 1, 9]).unwrap();
        assert_eq!((short.kind, short.ed25519()), (ED25519, None));
        assert_eq!(
            Message::read(&[8, 1, 0x12, 9]),
            Err(ProtobufError::Truncated)
        );
    }
}
