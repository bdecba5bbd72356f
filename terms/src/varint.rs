//! Unsigned varints (multiformats `unsigned-varint`): seven bits a byte, least significant first.
//!
//! Multistream lengths, protobuf, multicodecs, CIDs and particle frames are written with these.

use alloc::vec::Vec;
use core::fmt;

/// The longest encoding of a `u64`.
pub const MAX_LEN: usize = 10;

/// Why a varint cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarintError {
    /// The bytes end inside the number: more are needed.
    Incomplete,
    /// The number needs more than 64 bits.
    Overflow,
    /// The number is written with more bytes than it needs.
    NotMinimal,
}

impl fmt::Display for VarintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "the bytes end inside a varint",
            Self::Overflow => "a varint exceeds 64 bits",
            Self::NotMinimal => "a varint is longer than its value needs",
        })
    }
}

impl core::error::Error for VarintError {}

/// Reads one varint, giving it and how many bytes it took.
#[inline]
pub fn read(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(MAX_LEN).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == MAX_LEN - 1 && byte > 1 {
            return Err(VarintError::Overflow);
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return if byte == 0 && index > 0 {
                Err(VarintError::NotMinimal)
            } else {
                Ok((value, index + 1))
            };
        }
    }
    Err(VarintError::Incomplete)
}

/// Takes one varint off the front of `bytes`, also one that is written with more bytes than it
/// needs. `None` if the bytes end inside it or it has more than nine, the most that multiformats
/// allow.
///
/// For CIDs and for blocks of other implementations. The network's own messages are read with
/// [`read`], which takes the shortest form only.
#[inline]
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A varint on the stack, ready to be copied out.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl Encoded {
    /// The encoded bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Encodes `value`.
pub fn encode(mut value: u64) -> Encoded {
    let mut encoded = Encoded {
        bytes: [0; MAX_LEN],
        len: 0,
    };
    for slot in &mut encoded.bytes {
        encoded.len += 1;
        *slot = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *slot |= 0x80;
    }
    encoded
}

/// Appends `value` to `out`.
pub fn write(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(encode(value).as_slice());
}

/// How many bytes `value` takes.
pub fn len(value: u64) -> usize {
    let bits = 64 - value.max(1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0u64, &[0u8][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (247, &[0xf7, 0x01]),
            (0x0201, &[0x81, 0x04]),
        ] {
            assert_eq!(encode(value).as_slice(), bytes);
            assert_eq!(read(bytes), Ok((value, bytes.len())));
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(read(&[]), Err(VarintError::Incomplete));
        assert_eq!(read(&[0x80, 0x80]), Err(VarintError::Incomplete));
        assert_eq!(read(&[0x80, 0x00]), Err(VarintError::NotMinimal));
        assert_eq!(read(&[0xff; 11]), Err(VarintError::Overflow));
        let mut most = [0xff; 10];
        most[9] = 2;
        assert_eq!(read(&most), Err(VarintError::Overflow));
        most[9] = 1;
        assert_eq!(read(&most), Ok((u64::MAX, 10)));
    }

    #[test]
    fn longer_forms_are_taken_up_to_nine_bytes() {
        let mut bytes = &[0x81, 0x80, 0x00, 7][..];
        assert_eq!((take(&mut bytes), take(&mut bytes)), (Some(1), Some(7)));
        assert_eq!(take(&mut bytes), None);
        let mut longest = [0xff; 10];
        longest[8] = 0x7f;
        let mut bytes = &longest[..];
        assert_eq!((take(&mut bytes), bytes.len()), (Some(u64::MAX >> 1), 1));
        longest[8] = 0xff;
        assert_eq!(take(&mut &longest[..]), None);
    }

    proptest! {
        #[test]
        fn round_trip(value: u64) {
            let encoded = encode(value);
            prop_assert_eq!(read(encoded.as_slice()), Ok((value, encoded.as_slice().len())));
            prop_assert_eq!(len(value), encoded.as_slice().len());
        }
    }
}
