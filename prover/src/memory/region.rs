//! Regions of memory, and those who lend them.

use alloc::alloc::{Layout, alloc_zeroed, dealloc};
use core::fmt;
use core::ptr::NonNull;
use core::slice;

/// Every region starts on a cache line.
pub const ALIGNMENT: usize = 64;

/// What a region is for, so that the lender can choose pages and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// 256 MiB, read at random, short-lived.
    Cache,
    /// Gibibytes, read at random by several cores for a whole epoch.
    Dataset,
    /// 2 MiB per hardware thread, the hottest memory of all.
    Scratchpad,
    /// Kilobytes that are written by one core and then executed (never both at once). The lender
    /// may show them at two addresses, one for each.
    Code,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cache => "cache",
            Self::Dataset => "dataset",
            Self::Scratchpad => "scratchpad",
            Self::Code => "machine code",
        })
    }
}

/// The lender had no memory of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// What it was for.
    pub purpose: Purpose,
    /// How many bytes were asked for.
    pub bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no memory for the {}: {} bytes asked; free memory or use fewer datasets",
            self.purpose, self.bytes
        )
    }
}

impl core::error::Error for OutOfMemory {}

/// A lender of memory.
pub trait Memory {
    /// Lends `bytes` of readable and writable memory, also executable for [`Purpose::Code`].
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when there is none, or when executable memory does not exist here: the
    /// machine then interprets.
    fn lend(&self, purpose: Purpose, bytes: usize) -> Result<Region, OutOfMemory>;
}

/// Exclusive memory, given back when dropped.
pub struct Region {
    start: NonNull<u8>,
    len: usize,
    /// Where the bytes can be executed, if they can.
    entry: *const u8,
    release: fn(NonNull<u8>, usize),
}

// SAFETY: a region owns its bytes exclusively (contract of `from_raw`), like a boxed slice.
unsafe impl Send for Region {}
// SAFETY: shared access gives out shared slices only.
unsafe impl Sync for Region {}

impl Region {
    /// Wraps `len` bytes at `start`; `release` is called with both when the region is dropped.
    ///
    /// # Safety
    ///
    /// The bytes must be initialised, readable and writable (and executable if lent as code),
    /// aligned to [`ALIGNMENT`], and reachable through nothing else until `release` is called.
    pub unsafe fn from_raw(
        start: NonNull<u8>,
        len: usize,
        release: fn(NonNull<u8>, usize),
    ) -> Self {
        debug_assert!(start.addr().get().is_multiple_of(ALIGNMENT));
        Self {
            start,
            len,
            entry: start.as_ptr(),
            release,
        }
    }

    /// The same for memory that is executed at `entry` and written at its start: a page is then
    /// writable or executable, never both.
    ///
    /// # Safety
    ///
    /// As [`from_raw`](Self::from_raw), and the bytes must be the same memory at both addresses for
    /// as long as the region exists.
    pub unsafe fn with_entry(mut self, entry: *const u8) -> Self {
        self.entry = entry;
        self
    }

    /// Where code in the region is executed.
    pub fn entry(&self) -> *const u8 {
        self.entry
    }

    /// Makes what was written through [`bytes_mut`](Self::bytes_mut) what this hardware thread
    /// executes at [`entry`](Self::entry). A processor sees to that by itself only where both
    /// addresses are one; else it takes a serialising instruction (Intel SDM volume 3, "Handling
    /// Self- and Cross-Modifying Code").
    pub fn publish(&self) {
        if self.entry != self.start.as_ptr() {
            core::hint::black_box(core::arch::x86_64::__cpuid(0));
        }
    }

    /// The first byte.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `from_raw`: `len` initialised bytes owned by `self`, borrowed from it here.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// All bytes, for writing.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` makes it the only borrow.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// All whole 8-byte words.
    pub fn words(&self) -> &[u64] {
        // SAFETY: aligned to 64 bytes, `len / 8` words lie inside, any bits are a `u64`.
        unsafe { slice::from_raw_parts(self.start.as_ptr().cast(), self.len / 8) }
    }

    /// All whole 8-byte words, for writing.
    pub fn words_mut(&mut self) -> &mut [u64] {
        // SAFETY: as in `words`, and `&mut self` makes it the only borrow.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len / 8) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        (self.release)(self.start, self.len);
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({:p}, {} bytes)", self.start, self.len)
    }
}

/// The global allocator as a lender of everything but executable memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

impl Heap {
    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(len.max(1), ALIGNMENT).ok()
    }

    fn release(start: NonNull<u8>, len: usize) {
        if let Some(layout) = Self::layout(len) {
            // SAFETY: `lend` allocated exactly this layout, and a region is released once.
            unsafe { dealloc(start.as_ptr(), layout) }
        }
    }
}

impl Memory for Heap {
    fn lend(&self, purpose: Purpose, bytes: usize) -> Result<Region, OutOfMemory> {
        let none = OutOfMemory { purpose, bytes };
        if purpose == Purpose::Code {
            return Err(none);
        }
        let layout = Self::layout(bytes).ok_or(none)?;
        // SAFETY: the layout's size is at least one byte.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(none)?;
        // SAFETY: zeroed, aligned by the layout, fresh, and released by the matching `dealloc`.
        Ok(unsafe { Region::from_raw(start, bytes, Self::release) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also run under Miri, see `.ci/miri`.
    #[test]
    fn the_heap_lends_zeroed_aligned_memory_and_takes_it_back() {
        for bytes in [0, 1, 7, 8, 64, 4097] {
            let mut region = Heap.lend(Purpose::Scratchpad, bytes).unwrap();
            assert!(region.start().addr().get().is_multiple_of(ALIGNMENT));
            assert_eq!(region.bytes().len(), bytes);
            assert!(region.bytes().iter().all(|byte| *byte == 0));
            for (index, word) in region.words_mut().iter_mut().enumerate() {
                *word = index as u64 | 1 << 63;
            }
            region.bytes_mut().iter_mut().for_each(|byte| *byte ^= 0xff);
            let whole = bytes / 8;
            assert_eq!(region.words().len(), whole);
            let kept = |(index, word): (usize, &u64)| !*word == (index as u64 | 1 << 63);
            assert!(region.words().iter().enumerate().all(kept));
        }
        assert!(Heap.lend(Purpose::Code, 4096).is_err());
    }
}
