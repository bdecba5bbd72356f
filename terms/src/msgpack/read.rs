//! The reader: values off the front of a byte slice.

use core::fmt;

use super::marker as m;

/// Why bytes are not the MessagePack that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsgpackError {
    /// The bytes end inside a value.
    Truncated,
    /// A value has another type than it must have.
    Type {
        /// The type it must have.
        expected: Kind,
        /// The first byte of the value that stands there.
        marker: u8,
    },
    /// A string is not UTF-8.
    Utf8,
    /// A number does not fit its field.
    Range,
}

/// What a reader expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value of any type; only the reserved marker 0xc1 is none.
    Any,
    /// A map.
    Map,
    /// An array.
    Array,
    /// A string.
    Text,
    /// A byte string.
    Bytes,
    /// An integer.
    Integer,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value",
            Self::Map => "a map",
            Self::Array => "an array",
            Self::Text => "a string",
            Self::Bytes => "a byte string",
            Self::Integer => "an integer",
        })
    }
}

impl fmt::Display for MsgpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the MessagePack ends inside a value"),
            Self::Type { expected, marker } => write!(
                f,
                "the MessagePack has a value of type {marker:#04x} where {expected} must be"
            ),
            Self::Utf8 => f.write_str("a MessagePack string is not UTF-8"),
            Self::Range => f.write_str("a MessagePack number is out of range"),
        }
    }
}

impl core::error::Error for MsgpackError {}

/// Reads values one after the other. A copy of it is a bookmark: reading goes on there again.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes were not read yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes `len` bytes as they are.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], MsgpackError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(MsgpackError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the first byte of a value.
    #[inline]
    pub fn marker(&mut self) -> Result<u8, MsgpackError> {
        Ok(self.take(1)?[0])
    }

    /// A big-endian number of `width` bytes, at most 8.
    #[inline]
    fn number(&mut self, width: usize) -> Result<u64, MsgpackError> {
        let bytes = self.take(width)?.iter();
        Ok(bytes.fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The same as a length; one that does not fit the machine exceeds the bytes in any case.
    #[inline]
    fn len(&mut self, width: usize) -> Result<usize, MsgpackError> {
        usize::try_from(self.number(width)?).map_err(|_| MsgpackError::Truncated)
    }

    /// The number of entries of a map; they follow, keys and values in turn.
    #[inline]
    pub fn map_len(&mut self) -> Result<usize, MsgpackError> {
        match self.marker()? {
            marker @ m::FIXMAP..m::FIXARRAY => Ok(usize::from(marker & 0x0f)),
            m::MAP16 => self.len(2),
            m::MAP32 => self.len(4),
            marker => Err(wrong(Kind::Map, marker)),
        }
    }

    /// The number of elements of an array; they follow.
    #[inline]
    pub fn array_len(&mut self) -> Result<usize, MsgpackError> {
        match self.marker()? {
            marker @ m::FIXARRAY..m::FIXSTR => Ok(usize::from(marker & 0x0f)),
            m::ARRAY16 => self.len(2),
            m::ARRAY32 => self.len(4),
            marker => Err(wrong(Kind::Array, marker)),
        }
    }

    /// A string.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str, MsgpackError> {
        core::str::from_utf8(self.key()?).map_err(|_| MsgpackError::Utf8)
    }

    /// A string whose UTF-8 is not checked, as it will only be compared.
    #[inline]
    pub fn key(&mut self) -> Result<&'a [u8], MsgpackError> {
        let len = match self.marker()? {
            marker @ m::FIXSTR..m::NIL => usize::from(marker & 0x1f),
            m::STR8 => self.len(1)?,
            m::STR16 => self.len(2)?,
            m::STR32 => self.len(4)?,
            marker => return Err(wrong(Kind::Text, marker)),
        };
        self.take(len)
    }

    /// A byte string.
    #[inline]
    pub fn bin(&mut self) -> Result<&'a [u8], MsgpackError> {
        let len = match self.marker()? {
            m::BIN8 => self.len(1)?,
            m::BIN16 => self.len(2)?,
            m::BIN32 => self.len(4)?,
            marker => return Err(wrong(Kind::Bytes, marker)),
        };
        self.take(len)
    }

    /// An integer of any width.
    #[inline]
    fn integer(&mut self) -> Result<i128, MsgpackError> {
        Ok(match self.marker()? {
            marker @ 0..=m::MAX_FIXPOS => marker.into(),
            marker @ m::FIXNEG.. => (marker as i8).into(),
            m::U8 => self.number(1)?.into(),
            m::U16 => self.number(2)?.into(),
            m::U32 => self.number(4)?.into(),
            m::U64 => self.number(8)?.into(),
            m::I8 => (self.number(1)? as i8).into(),
            m::I16 => (self.number(2)? as i16).into(),
            m::I32 => (self.number(4)? as i32).into(),
            m::I64 => (self.number(8)? as i64).into(),
            marker => return Err(wrong(Kind::Integer, marker)),
        })
    }

    /// An integer of 32 bits, whichever width it is written in.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, MsgpackError> {
        i32::try_from(self.integer()?).map_err(|_| MsgpackError::Range)
    }

    /// An integer that is not negative, whichever width it is written in.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, MsgpackError> {
        u64::try_from(self.integer()?).map_err(|_| MsgpackError::Range)
    }

    /// Skips one value of any type. Only the number of values that are left is kept, so nesting
    /// costs neither stack nor memory.
    pub fn skip(&mut self) -> Result<(), MsgpackError> {
        let mut left = 1u64;
        while left > 0 {
            left -= 1;
            let len = match self.marker()? {
                0..=m::MAX_FIXPOS | m::FIXNEG.. | m::NIL | m::FALSE | m::TRUE => 0,
                marker @ m::FIXSTR..m::NIL => usize::from(marker & 0x1f),
                marker @ m::FIXMAP..m::FIXARRAY => {
                    left += 2 * u64::from(marker & 0x0f);
                    0
                }
                marker @ m::FIXARRAY..m::FIXSTR => {
                    left += u64::from(marker & 0x0f);
                    0
                }
                m::U8 | m::I8 => 1,
                m::U16 | m::I16 => 2,
                m::U32 | m::I32 | m::F32 => 4,
                m::U64 | m::I64 | m::F64 => 8,
                m::STR8 | m::BIN8 => self.len(1)?,
                m::STR16 | m::BIN16 => self.len(2)?,
                m::STR32 | m::BIN32 => self.len(4)?,
                // An extension's own type follows its length.
                marker @ m::FIXEXT1..=m::FIXEXT16 => 1 + (1 << (marker - m::FIXEXT1)),
                m::EXT8 => 1 + self.len(1)?,
                m::EXT16 => 1 + self.len(2)?,
                m::EXT32 => 1 + self.len(4)?,
                m::ARRAY16 => {
                    left += self.number(2)?;
                    0
                }
                m::ARRAY32 => {
                    left += self.number(4)?;
                    0
                }
                m::MAP16 => {
                    left += 2 * self.number(2)?;
                    0
                }
                m::MAP32 => {
                    left += 2 * self.number(4)?;
                    0
                }
                marker @ m::RESERVED => return Err(wrong(Kind::Any, marker)),
            };
            self.take(len)?;
        }
        Ok(())
    }
}

#[inline]
fn wrong(expected: Kind, marker: u8) -> MsgpackError {
    MsgpackError::Type { expected, marker }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn skips_nested_values_without_recursion() {
        let mut deep = vec![0x91; 100_000];
        deep.push(m::NIL);
        let mut reader = Reader::new(&deep);
        assert_eq!((reader.skip(), reader.remaining()), (Ok(()), 0));
        let mixed = [0x82, 0xa1, b'a', 0xc7, 1, 5, 9, 0xa1, b'b', 0xd4, 1, 2];
        let mut reader = Reader::new(&mixed);
        assert_eq!((reader.skip(), reader.remaining()), (Ok(()), 0));
        let endless = [m::ARRAY32, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Reader::new(&endless).skip(), Err(MsgpackError::Truncated));
        assert_eq!(Reader::new(&[0xc1]).skip(), Err(wrong(Kind::Any, 0xc1)));
    }

    #[test]
    fn extensions_of_each_size_are_skipped() {
        for (marker, len) in [(0xd4, 1), (0xd5, 2), (0xd6, 4), (0xd7, 8), (0xd8, 16)] {
            let mut bytes = vec![marker; 1 + 1 + len];
            assert_eq!(Reader::new(&bytes).skip(), Ok(()));
            bytes.pop();
            assert_eq!(Reader::new(&bytes).skip(), Err(MsgpackError::Truncated));
        }
    }

    #[test]
    fn integers_of_each_width() {
        for (bytes, value) in [
            (&[0x7f][..], 127),
            (&[0xff], -1),
            (&[0xcc, 0xff], 255),
            (&[0xd0, 0x80], -128),
            (&[0xd1, 0x01, 0x00], 256),
            (&[0xce, 0x7f, 0xff, 0xff, 0xff], i32::MAX),
            (&[0xd2, 0x80, 0, 0, 0], i32::MIN),
            (&[0xd3, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0], i32::MIN),
        ] {
            assert_eq!(Reader::new(bytes).i32(), Ok(value));
            let unsigned = u64::try_from(value).map_err(|_| MsgpackError::Range);
            assert_eq!(Reader::new(bytes).u64(), unsigned);
        }
        let most = [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Reader::new(&most).u64(), Ok(u64::MAX));
        assert_eq!(Reader::new(&most).i32(), Err(MsgpackError::Range));
        let float = [0xca, 0, 0, 0, 0];
        let expected = Err(wrong(Kind::Integer, 0xca));
        assert_eq!(Reader::new(&float).i32(), expected);
    }

    #[test]
    fn lengths_beyond_the_bytes_are_refused() {
        for bytes in [
            &[0xc6, 0xff, 0xff, 0xff, 0xff][..],
            &[0xc4, 2, 0],
            &[0xc5, 0],
            &[],
        ] {
            assert_eq!(Reader::new(bytes).bin(), Err(MsgpackError::Truncated));
        }
        assert_eq!(
            Reader::new(&[0xa2, b'a']).str(),
            Err(MsgpackError::Truncated)
        );
        assert_eq!(Reader::new(&[0xa1, 0xff]).str(), Err(MsgpackError::Utf8));
        assert_eq!(Reader::new(&[0xa1, 0xff]).key(), Ok(&[0xff][..]));
        assert_eq!(Reader::new(&[0x92]).map_len(), Err(wrong(Kind::Map, 0x92)));
        assert_eq!(Reader::new(&[0x92]).array_len(), Ok(2));
    }
}
