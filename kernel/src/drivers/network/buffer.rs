//! Buffers that travel between driver, device and IP stack.
//!
//! Whoever holds a [`Buffer`] is its only user. A driver that gives its address to the device keeps
//! the value in the ring's table and looks at the bytes again when the device has finished with
//! them.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

/// A piece of memory that a device can reach, with one owner.
#[derive(Debug)]
pub struct Buffer {
    memory: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to this value alone, on whichever core it is.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Cuts `memory` into buffers of `len` bytes.
    pub fn carve(memory: &'static mut [u8], len: usize) -> impl Iterator<Item = Self> {
        memory.chunks_exact_mut(len).map(move |chunk| Self {
            memory: NonNull::from(chunk).cast(),
            len,
        })
    }

    /// Where a device finds it.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.memory.as_ptr().expose_provenance() as u64
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the memory lives for ever and is this value's alone.
        unsafe { slice::from_raw_parts(self.memory.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.memory.as_ptr(), self.len) }
    }
}
