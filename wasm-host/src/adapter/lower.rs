//! Values into a guest's memory (Marine specification, section 2.4).
//!
//! The order of allocations is part of the behaviour: guests see the pointers. An array's block is
//! allocated before its elements' payloads, a record's after its fields' payloads.

use core::fmt;

use smallvec::SmallVec;

use super::{
    memory::{OutOfBounds, block_mut},
    value::Value,
};
use crate::engine::{Context, Failure, FuncId, MemoryId, Raw};

/// Why a value cannot be lowered.
#[derive(Clone, Debug)]
pub enum LowerError {
    /// The guest exports no `allocate` of the right signature.
    NoAllocate,
    /// The guest's `allocate` failed.
    Allocate(Failure),
    /// The guest's `allocate` returned a block that is not in its memory.
    Memory(OutOfBounds),
    /// The value takes 4 GiB or more.
    TooLarge,
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAllocate => f.write_str("the allocate function doesn't exist in Wasm module"),
            Self::Allocate(failure) => write!(f, "call to allocate function was failed: {failure}"),
            Self::Memory(error) => error.fmt(f),
            Self::TooLarge => f.write_str("the value doesn't fit a 32-bit memory"),
        }
    }
}

impl core::error::Error for LowerError {}

impl From<OutOfBounds> for LowerError {
    fn from(error: OutOfBounds) -> Self {
        Self::Memory(error)
    }
}

/// Where values are lowered to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The guest's memory.
    pub memory: MemoryId,
    /// Its `allocate`, if it has one.
    pub allocate: Option<FuncId>,
}

/// A block under construction; most fit the stack.
type Block = SmallVec<[u8; 128]>;

impl Target {
    /// Copies bytes into a fresh block and gives its pointer.
    ///
    /// # Errors
    /// [`LowerError`] when the guest's allocator fails or returns a block outside of the memory.
    pub fn bytes(self, ctx: &mut impl Context, bytes: &[u8]) -> Result<u32, LowerError> {
        let pointer = self.allocate(ctx, bytes.len(), Tag::U8)?;
        self.write(ctx, pointer, bytes)?;
        Ok(pointer)
    }

    /// Lowers an array and gives pointer and count; an empty one gives zeros and allocates nothing.
    ///
    /// # Errors
    /// [`LowerError`] when the guest's allocator fails or returns a block outside of the memory.
    pub fn array(self, ctx: &mut impl Context, values: &[Value]) -> Result<(u32, u32), LowerError> {
        let Some(first) = values.first() else {
            return Ok((0, 0));
        };
        let count = u32::try_from(values.len()).map_err(|_| LowerError::TooLarge)?;
        // The reference passes the byte size as the count together with the element's tag.
        let pointer = self.allocate(ctx, values.len().saturating_mul(size(first)), tag(first))?;
        let mut block = Block::new();
        for value in values {
            // The block stays here until all payloads are in place: each needs a call into the
            // guest.
            self.push(ctx, &mut block, value)?;
        }
        self.write(ctx, pointer, &block)?;
        Ok((pointer, count))
    }

    /// Lowers a record and gives its pointer.
    ///
    /// # Errors
    /// [`LowerError`] when the guest's allocator fails or returns a block outside of the memory.
    pub fn record(self, ctx: &mut impl Context, fields: &[Value]) -> Result<u32, LowerError> {
        let mut block = Block::new();
        for value in fields {
            self.push(ctx, &mut block, value)?;
        }
        self.bytes(ctx, &block)
    }

    /// Writes at a pointer that the guest chose.
    ///
    /// # Errors
    /// [`OutOfBounds`] when the block is not in its memory.
    pub fn write(
        self,
        ctx: &mut impl Context,
        pointer: u32,
        bytes: &[u8],
    ) -> Result<(), OutOfBounds> {
        // Nothing is written, so it does not matter where the guest's pointer leads.
        if bytes.is_empty() {
            return Ok(());
        }
        // Asked for anew at each write: an allocation may have grown the memory, which moves it.
        let (memory, _) = ctx.memory_and_state(self.memory);
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        block_mut(memory, pointer, size)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Adds a value to a block, lowering its payload first.
    fn push(
        self,
        ctx: &mut impl Context,
        block: &mut Block,
        value: &Value,
    ) -> Result<(), LowerError> {
        match value {
            Value::Boolean(value) => block.push(u8::from(*value)),
            Value::S8(value) => block.push(*value as u8),
            Value::U8(value) => block.push(*value),
            Value::S16(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::U16(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::S32(value) | Value::I32(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::U32(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::F32(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::S64(value) | Value::I64(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::U64(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::F64(value) => block.extend_from_slice(&value.to_le_bytes()),
            Value::String(text) => self.push_bytes(ctx, block, text.as_bytes())?,
            Value::ByteArray(bytes) => self.push_bytes(ctx, block, bytes)?,
            Value::Array(values) => {
                let (pointer, count) = self.array(ctx, values)?;
                block.extend_from_slice(&pointer.to_le_bytes());
                block.extend_from_slice(&count.to_le_bytes());
            }
            Value::Record(fields) => {
                let pointer = self.record(ctx, fields)?;
                block.extend_from_slice(&pointer.to_le_bytes());
            }
        }
        Ok(())
    }

    fn push_bytes(
        self,
        ctx: &mut impl Context,
        block: &mut Block,
        bytes: &[u8],
    ) -> Result<(), LowerError> {
        let pointer = self.bytes(ctx, bytes)?;
        block.extend_from_slice(&pointer.to_le_bytes());
        block.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        Ok(())
    }

    fn allocate(self, ctx: &mut impl Context, count: usize, tag: Tag) -> Result<u32, LowerError> {
        let allocate = self.allocate.ok_or(LowerError::NoAllocate)?;
        let count = u32::try_from(count).map_err(|_| LowerError::TooLarge)?;
        // The guest may return any pointer; `write` checks it.
        let mut result = [Raw::I32(0)];
        ctx.call(
            allocate,
            &[Raw::I32(count as i32), Raw::I32(tag as i32)],
            &mut result,
        )
        .map_err(LowerError::Allocate)?;
        Ok(result[0].u32())
    }
}

/// Element types as the SDK's `allocate` numbers them; what is held by pointer counts as `u32`.
#[derive(Clone, Copy)]
enum Tag {
    Boolean,
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F32,
    F64,
}

fn tag(value: &Value) -> Tag {
    match value {
        Value::Boolean(_) => Tag::Boolean,
        Value::U8(_) => Tag::U8,
        Value::U16(_) => Tag::U16,
        Value::U64(_) => Tag::U64,
        Value::S8(_) => Tag::S8,
        Value::S16(_) => Tag::S16,
        Value::S32(_) | Value::I32(_) => Tag::S32,
        Value::S64(_) | Value::I64(_) => Tag::S64,
        Value::F32(_) => Tag::F32,
        Value::F64(_) => Tag::F64,
        Value::U32(_)
        | Value::String(_)
        | Value::ByteArray(_)
        | Value::Array(_)
        | Value::Record(_) => Tag::U32,
    }
}

/// Bytes that a value takes within a block.
fn size(value: &Value) -> usize {
    match value {
        Value::Boolean(_) | Value::S8(_) | Value::U8(_) => 1,
        Value::S16(_) | Value::U16(_) => 2,
        Value::S32(_) | Value::U32(_) | Value::I32(_) | Value::F32(_) | Value::Record(_) => 4,
        Value::S64(_) | Value::U64(_) | Value::I64(_) | Value::F64(_) => 8,
        Value::String(_) | Value::ByteArray(_) | Value::Array(_) => 8,
    }
}
