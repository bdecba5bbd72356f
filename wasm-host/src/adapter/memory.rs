//! Blocks of a guest's memory, with every access checked.

use core::fmt;

/// An access outside of a guest's memory. A block that ends exactly at the end of memory counts as
/// outside, as in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Start of the block in bytes.
    pub offset: u32,
    /// Length of the block in bytes.
    pub size: u32,
    /// Length of the memory in bytes.
    pub memory_size: u64,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Out-of-bound Wasm memory access: offset {}, size {}, while memory_size {}",
            self.offset, self.size, self.memory_size
        )
    }
}

/// The block of `size` bytes at `offset`.
pub(crate) fn block(memory: &[u8], offset: u32, size: u32) -> Result<&[u8], OutOfBounds> {
    let range = range(memory.len(), offset, size)?;
    Ok(&memory[range])
}

/// The block of `size` bytes at `offset`, to write.
pub(crate) fn block_mut(
    memory: &mut [u8],
    offset: u32,
    size: u32,
) -> Result<&mut [u8], OutOfBounds> {
    let range = range(memory.len(), offset, size)?;
    Ok(&mut memory[range])
}

fn range(
    memory_size: usize,
    offset: u32,
    size: u32,
) -> Result<core::ops::Range<usize>, OutOfBounds> {
    match offset.checked_add(size) {
        // Less, not less or equal: the reference refuses a block that ends with the memory.
        Some(end) if (end as usize) < memory_size => Ok(offset as usize..end as usize),
        _ => Err(OutOfBounds {
            offset,
            size,
            memory_size: memory_size as u64,
        }),
    }
}
