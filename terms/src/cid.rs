//! Content identifiers: codes of the multicodec table and the two texts of a CID (multiformats
//! "CID").
//!
//! Digests are computed and compared by the crates that have the hash functions.

use alloc::string::String;
use alloc::vec::Vec;

use data_encoding::BASE32_NOPAD;

use crate::base58;

/// Codec of raw bytes.
pub const RAW: u8 = 0x55;
/// Codec of dag-pb nodes.
pub const DAG_PB: u8 = 0x70;
/// Hash function SHA-256.
pub const SHA2_256: u8 = 0x12;
/// Hash function BLAKE3.
pub const BLAKE3: u8 = 0x1e;

/// Longest text that is read, in bytes. Base58 takes quadratic time, and CIDs with digests of 32
/// bytes have 59 at most.
pub const MAX_TEXT: usize = 100;

/// The text of a CID of version 1: base32 in lower case after a `b`.
#[must_use]
pub fn encode(cid: &[u8]) -> String {
    let mut text = String::from("b");
    text += &BASE32_NOPAD.encode(cid);
    text.make_ascii_lowercase();
    text
}

/// The text of a CID of version 0: base58. `None` for one that is longer than 56 bytes.
#[must_use]
pub fn encode_v0(cid: &[u8]) -> Option<String> {
    let mut digits = [0; base58::MAX_DIGITS];
    let len = base58::encode(cid, &mut digits)?;
    core::str::from_utf8(&digits[..len]).ok().map(String::from)
}

/// The bytes that a text stands for, if it is base32 after a `b`, or base58. What they mean is not
/// looked at.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    if let Some(digits) = text.strip_prefix('b') {
        let digits = digits.to_ascii_uppercase();
        return BASE32_NOPAD.decode(digits.as_bytes()).ok();
    }
    let mut bytes = [0; base58::MAX_DIGITS];
    let len = base58::decode(text, &mut bytes)?;
    Some(bytes[..len].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_both_versions() {
        let one = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am";
        let bytes = decode(one).unwrap();
        assert_eq!(bytes[..4], [1, RAW, SHA2_256, 32]);
        assert_eq!(encode(&bytes), one);
        let zero = "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC";
        let bytes = decode(zero).unwrap();
        assert_eq!((bytes.len(), bytes[0], bytes[1]), (34, SHA2_256, 32));
        assert_eq!(encode_v0(&bytes).as_deref(), Some(zero));
    }

    #[test]
    fn what_is_no_text_of_a_cid() {
        for text in ["b1", "Qm0", "é", &"b".repeat(101), &"2".repeat(81)] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(encode_v0(&[1; 57]), None);
    }
}
