//! Byte strings of particles, which come in two forms: BIN, and the ARRAY of integers that the
//! JavaScript client writes.

use alloc::vec::Vec;
use core::ops::Range;

use basalt_terms::msgpack::{Kind, MsgpackError, Reader};
use bytes::Bytes;

/// Marker of an integer of one byte; those below 128 have none.
const U8: u8 = 0xcc;

/// Where a byte string lies in the buffer it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ByteString {
    /// BIN: the bytes themselves.
    Bin(Range<usize>),
    /// ARRAY: `count` integers of one or two bytes each, checked.
    Array { range: Range<usize>, count: usize },
}

impl ByteString {
    /// Reads a byte string. `reader` reads to the end of a buffer of `len` bytes.
    pub(super) fn read(reader: &mut Reader<'_>, len: usize) -> Result<Self, MsgpackError> {
        let mut array = *reader;
        let count = match array.array_len() {
            Ok(count) => count,
            Err(MsgpackError::Type { .. }) => {
                let bytes = reader.bin()?;
                let end = len - reader.remaining();
                return Ok(Self::Bin(end - bytes.len()..end));
            }
            Err(error) => return Err(error),
        };
        *reader = array;
        let start = len - reader.remaining();
        for _ in 0..count {
            match reader.marker()? {
                0..=0x7f => {}
                U8 => drop(reader.take(1)?),
                marker => {
                    return Err(MsgpackError::Type {
                        expected: Kind::Integer,
                        marker,
                    });
                }
            }
        }
        Ok(Self::Array {
            range: start..len - reader.remaining(),
            count,
        })
    }

    /// Copies the byte string out of `bytes`, the buffer it was read from.
    pub(super) fn copy(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Bin(range) => bytes[range.clone()].to_vec(),
            Self::Array { range, count } => {
                let mut out = Vec::with_capacity(*count);
                let mut integers = bytes[range.clone()].iter();
                while let Some(&byte) = integers.next() {
                    out.push(if byte == U8 {
                        *integers.next().unwrap_or(&0)
                    } else {
                        byte
                    });
                }
                out
            }
        }
    }

    /// Turns the buffer it was read from into the byte string, where it lies: big data is never
    /// twice in memory.
    pub(super) fn into_bytes(self, mut bytes: Vec<u8>) -> Bytes {
        let len = match self {
            Self::Bin(range) => return Bytes::from(bytes).slice(range),
            Self::Array { range, count } => {
                let mut read = range.start;
                for write in 0..count {
                    if bytes[read] == U8 {
                        read += 1;
                    }
                    bytes[write] = bytes[read];
                    read += 1;
                }
                count
            }
        };
        bytes.truncate(len);
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<ByteString, MsgpackError> {
        ByteString::read(&mut Reader::new(bytes), bytes.len())
    }

    #[test]
    fn byte_strings_in_both_forms() {
        for bytes in [
            &[0xc4, 3, 1, 0xcc, 255][..],
            &[0x93, 1, 0xcc, 0xcc, 0xcc, 255],
        ] {
            let found = read(bytes).unwrap();
            assert_eq!(found.copy(bytes), [1, 0xcc, 255]);
            assert_eq!(found.into_bytes(bytes.to_vec())[..], [1, 0xcc, 255]);
        }
        let wrong = |expected, marker| Err(MsgpackError::Type { expected, marker });
        assert_eq!(read(&[0x91, 0xcd, 1, 0]), wrong(Kind::Integer, 0xcd));
        assert_eq!(read(&[0xa1, b'x']), wrong(Kind::Bytes, 0xa1));
        for bytes in [&[0xc6, 255, 255, 255, 255][..], &[0xdd, 0, 0, 0, 1], &[]] {
            assert_eq!(read(bytes), Err(MsgpackError::Truncated));
        }
    }
}
