//! The part of protobuf that libp2p's messages and dag-pb need: a reader over borrowed bytes, and a
//! writer. Messages (identify, Noise payload, Kademlia) are plain structs that use both. Nothing is
//! allocated for a length that was only announced.

use alloc::vec::Vec;
use core::fmt;

use crate::varint::{self, VarintError};

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtobufError {
    /// The bytes end inside a field.
    Truncated,
    /// A key or a number is not a varint of at most 64 bits.
    Varint,
    /// A field has a wire type that does not exist or is not the one its number stands for.
    WireType {
        /// The field's number.
        field: u32,
    },
    /// A string is not UTF-8.
    Utf8 {
        /// The field's number.
        field: u32,
    },
}

impl fmt::Display for ProtobufError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the message ends inside a field"),
            Self::Varint => f.write_str("the message holds a malformed varint"),
            Self::WireType { field } => write!(f, "field {field} has an unexpected wire type"),
            Self::Utf8 { field } => write!(f, "field {field} is not UTF-8 text"),
        }
    }
}

impl core::error::Error for ProtobufError {}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0: integers, booleans, enums.
    Varint(u64),
    /// Wire type 2: bytes, strings, nested messages.
    Bytes(&'a [u8]),
    /// Wire types 1 and 5, which no message here uses.
    Fixed,
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field's number.
    pub number: u32,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    /// The bytes of a length-delimited field.
    pub fn bytes(&self) -> Result<&'a [u8], ProtobufError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtobufError::WireType { field: self.number }),
        }
    }

    /// The text of a string field.
    pub fn text(&self) -> Result<&'a str, ProtobufError> {
        core::str::from_utf8(self.bytes()?).map_err(|_| ProtobufError::Utf8 { field: self.number })
    }

    /// The number of a varint field.
    pub fn varint(&self) -> Result<u64, ProtobufError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(ProtobufError::WireType { field: self.number }),
        }
    }
}

/// Iterates over the fields of a message in the order they are written.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    /// Whether numbers may be written with more bytes than they need.
    lenient: bool,
}

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            lenient: false,
        }
    }

    /// The fields of a message whose numbers may be written with more bytes than they need.
    /// Protobuf allows that, and a block of content that was written so has its hash, which nobody
    /// can change.
    pub fn lenient(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            lenient: true,
        }
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        if self.lenient {
            return varint::take(&mut self.rest).ok_or(ProtobufError::Varint);
        }
        // In libp2p's messages nobody writes longer forms than needed, so they are refused.
        let (value, used) = varint::read(self.rest).map_err(|error| match error {
            VarintError::Incomplete => ProtobufError::Truncated,
            VarintError::Overflow | VarintError::NotMinimal => ProtobufError::Varint,
        })?;
        self.rest = &self.rest[used..];
        Ok(value)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], ProtobufError> {
        let len = usize::try_from(len).map_err(|_| ProtobufError::Truncated)?;
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<Field<'a>, ProtobufError> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| ProtobufError::Varint)?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(ProtobufError::WireType { field: number }),
        };
        Ok(Field { number, value })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Appends a varint field.
pub fn write_varint(field: u32, value: u64, out: &mut Vec<u8>) {
    varint::write(u64::from(field) << 3, out);
    varint::write(value, out);
}

/// Appends a length-delimited field.
pub fn write_bytes(field: u32, value: &[u8], out: &mut Vec<u8>) {
    varint::write(u64::from(field) << 3 | 2, out);
    varint::write(value.len() as u64, out);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn reads_what_it_writes_and_skips_fixed_fields() {
        let mut message = Vec::new();
        write_varint(1, 300, &mut message);
        message.extend_from_slice(&[0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4]);
        write_bytes(4, b"text", &mut message);
        let fields: Vec<_> = Fields::new(&message).map(Result::unwrap).collect();
        assert_eq!(fields.len(), 4);
        assert_eq!(fields[0].varint(), Ok(300));
        assert_eq!(fields[1].value, Value::Fixed);
        assert_eq!(fields[3].text(), Ok("text"));
        assert_eq!(
            fields[3].varint(),
            Err(ProtobufError::WireType { field: 4 })
        );
    }

    #[test]
    fn longer_numbers_are_read_where_they_are_allowed() {
        let message = [0x88, 0x00, 0x81, 0x00];
        let strict = Fields::new(&message).next();
        assert_eq!(strict, Some(Err(ProtobufError::Varint)));
        let field = Fields::lenient(&message).next().unwrap().unwrap();
        assert_eq!((field.number, field.varint()), (1, Ok(1)));
    }

    #[test]
    fn refuses_truncation_and_unknown_wire_types() {
        fn read(bytes: &[u8]) -> Result<Vec<Field<'_>>, ProtobufError> {
            Fields::new(bytes).collect()
        }
        assert_eq!(read(&[0x0a, 5, 1]), Err(ProtobufError::Truncated));
        assert_eq!(read(&[0x0b]), Err(ProtobufError::WireType { field: 1 }));
        assert_eq!(read(&[0x0a]), Err(ProtobufError::Truncated));
        let huge = [&[0x0a][..], &[0xff; 9], &[1]].concat();
        assert_eq!(read(&huge), Err(ProtobufError::Truncated));
        assert_eq!(
            read(&[0x22, 1, 0xff]).unwrap()[0].text(),
            Err(ProtobufError::Utf8 { field: 4 })
        );
        assert_eq!(read(&[]), Ok(vec![]));
    }
}
