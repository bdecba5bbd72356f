//! Memory that a driver shares with its device.
//!
//! It is never given back: a device that does not stop when told to must not write into somebody
//! else's memory later. Drivers make theirs once.

use core::ptr;
use core::sync::atomic::{Ordering, fence};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::mem::PAGE;
use crate::mem::frames::{FRAMES, OutOfMemory};

/// A run of pages, physically contiguous.
#[derive(Debug)]
pub struct Dma {
    start: u64,
    len: usize,
}

impl Dma {
    /// Takes at least `bytes` of zeroed memory, aligned to a page.
    ///
    /// # Errors
    /// [`OutOfMemory`] if there is none.
    pub fn new(bytes: usize) -> Result<Self, OutOfMemory> {
        let len = bytes.next_multiple_of(PAGE as usize);
        let start = FRAMES.lock().allocate(len as u64, PAGE)?;
        // SAFETY: the frames are mapped writable and ours since the line above.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(start as usize).write_bytes(0, len) };
        Ok(Self { start, len })
    }

    /// The address that the device is told.
    #[must_use]
    pub const fn address(&self) -> u64 {
        self.start
    }

    /// Number of bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// A pointer to `len` bytes at `offset`.
    ///
    /// # Panics
    /// If they are not all of this memory.
    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        let end = offset.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.len), "outside the memory");
        ptr::with_exposed_provenance_mut(self.start as usize + offset)
    }

    /// Reads a word that the device may have written.
    ///
    /// # Panics
    /// If it does not lie aligned in this memory.
    #[must_use]
    pub fn load<T: FromBytes>(&self, offset: usize) -> T {
        let word = self.at(offset, size_of::<T>()).cast::<T>();
        assert!(word.is_aligned());
        // SAFETY: aligned and within our memory; any bits are a `T`.
        unsafe { word.read_volatile() }
    }

    /// Writes a word that the device may read.
    ///
    /// # Panics
    /// If it does not lie aligned in this memory.
    pub fn store<T: IntoBytes + Immutable>(&mut self, offset: usize, value: T) {
        let word = self.at(offset, size_of::<T>()).cast::<T>();
        assert!(word.is_aligned());
        // SAFETY: aligned and within our memory, borrowed exclusively.
        unsafe { word.write_volatile(value) };
    }

    /// Copies bytes out.
    ///
    /// # Panics
    /// If they are not all of this memory.
    pub fn read(&self, offset: usize, bytes: &mut [u8]) {
        let source = self.at(offset, bytes.len());
        // SAFETY: within our memory, and nobody's slice lies in it.
        unsafe {
            bytes
                .as_mut_ptr()
                .copy_from_nonoverlapping(source, bytes.len())
        };
    }

    /// Copies bytes in.
    ///
    /// # Panics
    /// If there is no room for them.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let target = self.at(offset, bytes.len());
        // SAFETY: within our memory, borrowed exclusively, and nobody's slice lies in it.
        unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Zeroes bytes.
    ///
    /// # Panics
    /// If they are not all of this memory.
    pub fn clear(&mut self, offset: usize, len: usize) {
        // SAFETY: within our memory, borrowed exclusively.
        unsafe { self.at(offset, len).write_bytes(0, len) };
    }
}

/// Puts all accesses before it in front of all accesses behind it: between the words of a ring, and
/// before a doorbell. The processor keeps stores in order, so this binds the compiler.
pub fn barrier() {
    fence(Ordering::SeqCst);
}

/// Memory for tests on the host, where pages come from the heap.
#[cfg(test)]
pub(crate) fn provide(bytes: usize) {
    use crate::mem::map::Span;
    use std::alloc::{Layout, alloc};

    let layout = Layout::from_size_align(bytes, PAGE as usize).expect("whole pages");
    // SAFETY: the size is not zero. The memory is never given back.
    let start = unsafe { alloc(layout) }.expose_provenance() as u64;
    FRAMES.lock().free(Span {
        start,
        end: start + bytes as u64,
    });
}
