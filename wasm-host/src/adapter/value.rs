//! Interface values.

use alloc::{string::String, vec::Vec};

use crate::{
    engine::{Raw, ValType},
    it::{Interface, Type},
};

/// A value of interface types. An array of `u8` and a byte array are one and the same to callers;
/// this crate holds both as [`Value::ByteArray`] wherever it makes one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Boolean.
    Boolean(bool),
    /// Signed 8 bits.
    S8(i8),
    /// Signed 16 bits.
    S16(i16),
    /// Signed 32 bits.
    S32(i32),
    /// Signed 64 bits.
    S64(i64),
    /// Unsigned 8 bits.
    U8(u8),
    /// Unsigned 16 bits.
    U16(u16),
    /// Unsigned 32 bits.
    U32(u32),
    /// Unsigned 64 bits.
    U64(u64),
    /// 32-bit float.
    F32(f32),
    /// 64-bit float.
    F64(f64),
    /// Text.
    String(String),
    /// Bytes.
    ByteArray(Vec<u8>),
    /// Elements of one type.
    Array(Vec<Value>),
    /// Core 32-bit integer.
    I32(i32),
    /// Core 64-bit integer.
    I64(i64),
    /// Fields in the order of the record's type.
    Record(Vec<Value>),
}

impl Value {
    /// Is this a value of the type? Bytes and arrays of `u8` fit each other's types.
    pub fn fits(&self, ty: &Type, interface: &Interface) -> bool {
        match (self, ty) {
            (Self::Boolean(_), Type::Boolean)
            | (Self::S8(_), Type::S8)
            | (Self::S16(_), Type::S16)
            | (Self::S32(_), Type::S32)
            | (Self::S64(_), Type::S64)
            | (Self::U8(_), Type::U8)
            | (Self::U16(_), Type::U16)
            | (Self::U32(_), Type::U32)
            | (Self::U64(_), Type::U64)
            | (Self::F32(_), Type::F32)
            | (Self::F64(_), Type::F64)
            | (Self::I32(_), Type::I32)
            | (Self::I64(_), Type::I64)
            | (Self::String(_), Type::String)
            | (Self::ByteArray(_), Type::ByteArray) => true,
            // Both forms travel: a caller's JSON cannot tell them apart.
            (Self::ByteArray(_), Type::Array(element)) => **element == Type::U8,
            (Self::Array(values), Type::ByteArray) => {
                values.iter().all(|value| matches!(value, Self::U8(_)))
            }
            (Self::Array(values), Type::Array(element)) => {
                values.iter().all(|value| value.fits(element, interface))
            }
            (Self::Record(values), Type::Record(id)) => {
                interface.record(*id).is_some_and(|record| {
                    record.fields.len() == values.len()
                        && record
                            .fields
                            .iter()
                            .zip(values)
                            .all(|(field, value)| value.fits(&field.ty, interface))
                })
            }
            _ => false,
        }
    }

    /// The core value, when it is one.
    pub(crate) fn to_raw(&self) -> Option<Raw> {
        Some(match self {
            Self::I32(value) => Raw::I32(*value),
            Self::I64(value) => Raw::I64(*value),
            // Bits, so that the payload of a NaN survives.
            Self::F32(value) => Raw::F32(value.to_bits()),
            Self::F64(value) => Raw::F64(value.to_bits()),
            _ => return None,
        })
    }

    /// A core value; vectors have no counterpart.
    pub(crate) fn from_raw(raw: Raw) -> Option<Self> {
        Some(match raw {
            Raw::I32(value) => Self::I32(value),
            Raw::I64(value) => Self::I64(value),
            Raw::F32(bits) => Self::F32(f32::from_bits(bits)),
            Raw::F64(bits) => Self::F64(f64::from_bits(bits)),
            Raw::V128(_) => return None,
        })
    }

    /// Does the core type take this value?
    pub(crate) fn is_core(&self, ty: ValType) -> bool {
        self.to_raw().is_some_and(|raw| raw.ty() == ty)
    }

    /// The bytes of a byte array or of an array of `u8`.
    pub(crate) fn bytes(&self) -> Option<alloc::borrow::Cow<'_, [u8]>> {
        match self {
            Self::ByteArray(bytes) => Some(bytes.as_slice().into()),
            Self::Array(values) => {
                let bytes: Option<Vec<u8>> = values
                    .iter()
                    .map(|value| match value {
                        Self::U8(byte) => Some(*byte),
                        _ => None,
                    })
                    .collect();
                bytes.map(Into::into)
            }
            _ => None,
        }
    }
}
