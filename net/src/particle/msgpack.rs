//! The part of MessagePack that particles need: a checked reader over bytes, and a writer.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;

/// Why bytes are not the MessagePack that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsgpackError {
    /// The bytes end inside a value.
    Truncated,
    /// A value has another type than it must have; the marker byte says which.
    Type(u8),
    /// A string is not UTF-8.
    Utf8,
    /// A number is negative or too big for its field.
    Range,
}

impl fmt::Display for MsgpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the MessagePack ends inside a value"),
            Self::Type(marker) => {
                write!(f, "a MessagePack value of type {marker:#04x} is misplaced")
            }
            Self::Utf8 => f.write_str("a MessagePack string is not UTF-8"),
            Self::Range => f.write_str("a MessagePack number is out of range"),
        }
    }
}

impl core::error::Error for MsgpackError {}

/// Where a byte string lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ByteString {
    /// BIN: the bytes themselves.
    Bin(Range<usize>),
    /// ARRAY: `count` integers of one or two bytes each, checked.
    Array { range: Range<usize>, count: usize },
}

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    pub(super) fn is_done(&self) -> bool {
        self.position >= self.bytes.len()
    }

    fn range(&mut self, len: usize) -> Result<Range<usize>, MsgpackError> {
        let end = self
            .position
            .checked_add(len)
            .ok_or(MsgpackError::Truncated)?;
        if end > self.bytes.len() {
            return Err(MsgpackError::Truncated);
        }
        let range = self.position..end;
        self.position = end;
        Ok(range)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], MsgpackError> {
        let range = self.range(len)?;
        Ok(&self.bytes[range])
    }

    fn marker(&mut self) -> Result<u8, MsgpackError> {
        Ok(self.take(1)?[0])
    }

    /// A big-endian number of `len` <= 8 bytes.
    fn number(&mut self, len: usize) -> Result<u64, MsgpackError> {
        Ok(self
            .take(len)?
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn length(&mut self, len: usize) -> Result<usize, MsgpackError> {
        usize::try_from(self.number(len)?).map_err(|_| MsgpackError::Truncated)
    }

    /// The number of entries of a map.
    pub(super) fn map(&mut self) -> Result<usize, MsgpackError> {
        match self.marker()? {
            marker @ 0x80..=0x8f => Ok(usize::from(marker & 0x0f)),
            0xde => self.length(2),
            0xdf => self.length(4),
            other => Err(MsgpackError::Type(other)),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, MsgpackError> {
        let len = match self.marker()? {
            marker @ 0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9 => self.length(1)?,
            0xda => self.length(2)?,
            0xdb => self.length(4)?,
            other => return Err(MsgpackError::Type(other)),
        };
        core::str::from_utf8(self.take(len)?).map_err(|_| MsgpackError::Utf8)
    }

    /// An integer that is not negative.
    pub(super) fn unsigned(&mut self) -> Result<u64, MsgpackError> {
        let (len, signed) = match self.marker()? {
            marker @ 0x00..=0x7f => return Ok(u64::from(marker)),
            0xe0..=0xff => return Err(MsgpackError::Range),
            marker @ 0xcc..=0xcf => (1 << (marker - 0xcc), false),
            marker @ 0xd0..=0xd3 => (1 << (marker - 0xd0), true),
            other => return Err(MsgpackError::Type(other)),
        };
        let value = self.number(len)?;
        if signed && value >> (8 * len - 1) != 0 {
            return Err(MsgpackError::Range);
        }
        Ok(value)
    }

    /// A byte string, as BIN or as an ARRAY of integers below 256.
    pub(super) fn bytes(&mut self) -> Result<ByteString, MsgpackError> {
        let count = match self.marker()? {
            0xc4 => {
                return self
                    .length(1)
                    .and_then(|len| self.range(len))
                    .map(ByteString::Bin);
            }
            0xc5 => {
                return self
                    .length(2)
                    .and_then(|len| self.range(len))
                    .map(ByteString::Bin);
            }
            0xc6 => {
                return self
                    .length(4)
                    .and_then(|len| self.range(len))
                    .map(ByteString::Bin);
            }
            marker @ 0x90..=0x9f => usize::from(marker & 0x0f),
            0xdc => self.length(2)?,
            0xdd => self.length(4)?,
            other => return Err(MsgpackError::Type(other)),
        };
        let start = self.position;
        for _ in 0..count {
            match self.marker()? {
                0x00..=0x7f => {}
                0xcc => {
                    self.take(1)?;
                }
                other => return Err(MsgpackError::Type(other)),
            }
        }
        Ok(ByteString::Array {
            range: start..self.position,
            count,
        })
    }

    /// Skips one value of any kind. Nesting costs no stack: only the number of values left is kept.
    pub(super) fn skip(&mut self) -> Result<(), MsgpackError> {
        let mut left = 1u64;
        while left > 0 {
            left -= 1;
            let len = match self.marker()? {
                0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
                marker @ 0x80..=0x8f => {
                    left += 2 * u64::from(marker & 0x0f);
                    0
                }
                marker @ 0x90..=0x9f => {
                    left += u64::from(marker & 0x0f);
                    0
                }
                marker @ 0xa0..=0xbf => usize::from(marker & 0x1f),
                0xc4 | 0xd9 => self.length(1)?,
                0xc5 | 0xda => self.length(2)?,
                0xc6 | 0xdb => self.length(4)?,
                0xc7 => self.length(1)? + 1,
                0xc8 => self.length(2)? + 1,
                0xc9 => self.length(4)? + 1,
                0xca | 0xce | 0xd2 => 4,
                0xcb | 0xcf | 0xd3 => 8,
                0xcc | 0xd0 => 1,
                0xcd | 0xd1 => 2,
                marker @ 0xd4..=0xd8 => (1 << (marker - 0xd4)) + 1,
                marker @ (0xdc | 0xdd) => {
                    left += self.number(if marker == 0xdc { 2 } else { 4 })?;
                    0
                }
                marker @ (0xde | 0xdf) => {
                    left += 2 * self.number(if marker == 0xde { 2 } else { 4 })?;
                    0
                }
                other @ 0xc1 => return Err(MsgpackError::Type(other)),
            };
            self.take(len)?;
            // Every value takes a byte at least: a count beyond the bytes left cannot be honest.
            if left > (self.bytes.len() - self.position) as u64 {
                return Err(MsgpackError::Truncated);
            }
        }
        Ok(())
    }
}

impl ByteString {
    /// Copies the byte string out of `bytes`, the buffer it was read from.
    pub(super) fn copy(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Bin(range) => bytes[range.clone()].to_vec(),
            Self::Array { range, count } => {
                let mut out = Vec::with_capacity(*count);
                let mut integers = bytes[range.clone()].iter();
                while let Some(&byte) = integers.next() {
                    out.push(if byte == 0xcc {
                        *integers.next().unwrap_or(&0)
                    } else {
                        byte
                    });
                }
                out
            }
        }
    }

    /// Turns the buffer it was read from into the byte string, where it lies: big data is never twice in
    /// memory.
    pub(super) fn into_bytes(self, mut bytes: Vec<u8>) -> Bytes {
        let len = match self {
            Self::Bin(range) => return Bytes::from(bytes).slice(range),
            Self::Array { range, count } => {
                let mut read = range.start;
                for write in 0..count {
                    if bytes[read] == 0xcc {
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

pub(super) fn write_map(len: u8, out: &mut Vec<u8>) {
    debug_assert!(len < 16);
    out.push(0x80 | len);
}

pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len => write_length(0xda, 0xdb, len, out),
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_bytes_header(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// What stands in front of so many bytes.
pub(super) fn write_bytes_header(len: usize, out: &mut Vec<u8>) {
    match len {
        0..=0xff => out.extend_from_slice(&[0xc4, len as u8]),
        _ => write_length(0xc5, 0xc6, len, out),
    }
}

/// A length of two bytes after `short` or of four after `long`. Longer strings than 4 GiB do not get
/// here: a frame has a limit far below.
fn write_length(short: u8, long: u8, len: usize, out: &mut Vec<u8>) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(short);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(long);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

pub(super) fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, bytes[7]]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn skips_nested_values_without_recursion() {
        let mut deep = vec![0x91; 100_000];
        deep.push(0xc0);
        let mut reader = Reader::new(&deep, 0);
        assert_eq!(reader.skip(), Ok(()));
        assert!(reader.is_done());
        let mixed = [0x82, 0xa1, b'a', 0xc7, 1, 5, 9, 0xa1, b'b', 0xd4, 1, 2];
        let mut reader = Reader::new(&mixed, 0);
        assert_eq!(reader.skip(), Ok(()));
        assert!(reader.is_done());
        assert_eq!(
            Reader::new(&[0xdd, 0xff, 0xff, 0xff, 0xff], 0).skip(),
            Err(MsgpackError::Truncated)
        );
        assert_eq!(
            Reader::new(&[0xc1], 0).skip(),
            Err(MsgpackError::Type(0xc1))
        );
    }

    #[test]
    fn integers_of_every_width() {
        for value in [
            0u64,
            127,
            128,
            255,
            256,
            65535,
            65536,
            u64::from(u32::MAX),
            1 << 32,
            u64::MAX,
        ] {
            let mut bytes = vec![];
            write_unsigned(value, &mut bytes);
            assert_eq!(Reader::new(&bytes, 0).unsigned(), Ok(value));
        }
        assert_eq!(Reader::new(&[0xd1, 0x01, 0x00], 0).unsigned(), Ok(256));
        assert_eq!(
            Reader::new(&[0xd0, 0x80], 0).unsigned(),
            Err(MsgpackError::Range)
        );
        assert_eq!(Reader::new(&[0xff], 0).unsigned(), Err(MsgpackError::Range));
    }

    #[test]
    fn byte_strings_in_both_forms() {
        for bytes in [
            &[0xc4, 3, 1, 0xcc, 255][..],
            &[0x93, 1, 0xcc, 0xcc, 0xcc, 255],
        ] {
            let found = Reader::new(bytes, 0).bytes().unwrap();
            assert_eq!(found.copy(bytes), [1, 0xcc, 255]);
            assert_eq!(found.into_bytes(bytes.to_vec())[..], [1, 0xcc, 255]);
        }
        assert_eq!(
            Reader::new(&[0x91, 0xcd, 1, 0], 0).bytes(),
            Err(MsgpackError::Type(0xcd))
        );
        assert_eq!(
            Reader::new(&[0xc6, 255, 255, 255, 255], 0).bytes(),
            Err(MsgpackError::Truncated)
        );
    }
}
