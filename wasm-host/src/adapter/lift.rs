//! Values out of a guest's memory (Marine specification, section 2.4).

use alloc::{string::String, vec::Vec};
use core::{fmt, str::Utf8Error};

use super::{
    memory::{OutOfBounds, block},
    value::Value,
};
use crate::it::{Interface, Type};

/// Why a value cannot be lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiftError {
    /// A pointer leads out of memory.
    Memory(OutOfBounds),
    /// A text is not UTF-8.
    Utf8(Utf8Error),
    /// No record of this id.
    Record(u64),
    /// The value takes more host memory than allowed.
    TooLarge,
}

impl fmt::Display for LiftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Utf8(error) => error.fmt(f),
            Self::Record(id) => write!(f, "Record with type id '{id}' not found"),
            Self::TooLarge => f.write_str("the value takes more host memory than a call may use"),
        }
    }
}

impl core::error::Error for LiftError {}

impl From<OutOfBounds> for LiftError {
    fn from(error: OutOfBounds) -> Self {
        Self::Memory(error)
    }
}

/// Reads values from one memory. Guests choose all pointers, and many may point at one block:
/// `room` bounds what the copies take together.
pub struct Lift<'a> {
    /// The memory's bytes.
    pub memory: &'a [u8],
    /// Types of records.
    pub interface: &'a Interface,
    /// Bytes of host memory still allowed.
    pub room: usize,
}

impl Lift<'_> {
    fn take(&mut self, bytes: usize) -> Result<(), LiftError> {
        self.room = self.room.checked_sub(bytes).ok_or(LiftError::TooLarge)?;
        Ok(())
    }

    /// A text. Length 0 is not checked.
    ///
    /// # Errors
    /// [`LiftError`] for a block out of bounds, bytes that are not UTF-8, or no room left.
    pub fn string(&mut self, offset: u32, len: u32) -> Result<String, LiftError> {
        let bytes = self.bytes(offset, len)?;
        String::from_utf8(bytes).map_err(|error| LiftError::Utf8(error.utf8_error()))
    }

    /// Bytes. Length 0 is not checked.
    ///
    /// # Errors
    /// [`LiftError`] for a block out of bounds or no room left.
    pub fn bytes(&mut self, offset: u32, len: u32) -> Result<Vec<u8>, LiftError> {
        // The pointer of an empty value may lead nowhere.
        if len == 0 {
            return Ok(Vec::new());
        }
        // Counted before it is copied: many elements may point at one large block.
        self.take(len as usize)?;
        Ok(block(self.memory, offset, len)?.to_vec())
    }

    /// `count` elements of a type, packed. Count 0 is not checked.
    ///
    /// # Errors
    /// [`LiftError`] for the first block or element that cannot be read.
    pub fn array(&mut self, element: &Type, offset: u32, count: u32) -> Result<Value, LiftError> {
        if count == 0 {
            return Ok(match element {
                Type::U8 => Value::ByteArray(Vec::new()),
                _ => Value::Array(Vec::new()),
            });
        }
        // Bytes are copied at once: as single values they would take many times the memory.
        if *element == Type::U8 {
            return self.bytes(offset, count).map(Value::ByteArray);
        }
        let element_size = size(element);
        let total = u64::from(element_size) * u64::from(count);
        // The product is made in 64 bits: in 32 bits a huge count would wrap around to a small
        // block.
        let Ok(total) = u32::try_from(total) else {
            return Err(LiftError::Memory(OutOfBounds {
                offset,
                size: u32::MAX,
                memory_size: self.memory.len() as u64,
            }));
        };
        let items = block(self.memory, offset, total)?;
        // The block is in memory, which bounds the count. A value takes more bytes here than in the
        // guest.
        self.take(count as usize * size_of::<Value>())?;
        let values = items
            .chunks_exact(element_size as usize)
            .map(|bytes| self.value(element, bytes));
        values.collect::<Result<_, _>>().map(Value::Array)
    }

    /// The record of type `id` at `offset`.
    ///
    /// # Errors
    /// [`LiftError`] for the first block or field that cannot be read.
    pub fn record(&mut self, id: u64, offset: u32) -> Result<Value, LiftError> {
        let interface = self.interface;
        let record = interface.record(id).ok_or(LiftError::Record(id))?;
        // At most 127 fields of at most 8 bytes: the sum cannot overflow.
        let total = record.fields.iter().map(|field| size(&field.ty)).sum();
        let mut rest = block(self.memory, offset, total)?;
        self.take(record.fields.len() * size_of::<Value>())?;
        let mut values = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            let (bytes, after) = rest.split_at(size(&field.ty) as usize);
            values.push(self.value(&field.ty, bytes)?);
            rest = after;
        }
        Ok(Value::Record(values))
    }

    /// One value out of its bytes within a block; `bytes` has the type's size.
    fn value(&mut self, ty: &Type, bytes: &[u8]) -> Result<Value, LiftError> {
        Ok(match ty {
            Type::Boolean => Value::Boolean(bytes[0] != 0),
            Type::S8 => Value::S8(bytes[0] as i8),
            Type::U8 => Value::U8(bytes[0]),
            Type::S16 => Value::S16(i16::from_le_bytes(number(bytes))),
            Type::U16 => Value::U16(u16::from_le_bytes(number(bytes))),
            Type::S32 => Value::S32(i32::from_le_bytes(number(bytes))),
            Type::U32 => Value::U32(u32::from_le_bytes(number(bytes))),
            Type::I32 => Value::I32(i32::from_le_bytes(number(bytes))),
            Type::F32 => Value::F32(f32::from_le_bytes(number(bytes))),
            Type::S64 => Value::S64(i64::from_le_bytes(number(bytes))),
            Type::U64 => Value::U64(u64::from_le_bytes(number(bytes))),
            Type::I64 => Value::I64(i64::from_le_bytes(number(bytes))),
            Type::F64 => Value::F64(f64::from_le_bytes(number(bytes))),
            Type::String => {
                let (offset, len) = pair(bytes);
                Value::String(self.string(offset, len)?)
            }
            Type::ByteArray => {
                let (offset, len) = pair(bytes);
                Value::ByteArray(self.bytes(offset, len)?)
            }
            Type::Array(element) => {
                let (offset, count) = pair(bytes);
                self.array(element, offset, count)?
            }
            Type::Record(id) => self.record(*id, u32::from_le_bytes(number(bytes)))?,
        })
    }
}

/// Bytes that a value of the type takes within a block.
pub fn size(ty: &Type) -> u32 {
    match ty {
        Type::Boolean | Type::S8 | Type::U8 => 1,
        Type::S16 | Type::U16 => 2,
        Type::S32 | Type::U32 | Type::I32 | Type::F32 | Type::Record(_) => 4,
        Type::S64
        | Type::U64
        | Type::I64
        | Type::F64
        | Type::String
        | Type::ByteArray
        | Type::Array(_) => 8,
    }
}

fn number<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

fn pair(bytes: &[u8]) -> (u32, u32) {
    let (offset, len) = bytes.split_at(4);
    (
        u32::from_le_bytes(number(offset)),
        u32::from_le_bytes(number(len)),
    )
}
