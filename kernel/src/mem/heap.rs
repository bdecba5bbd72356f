//! The heap: one allocator for all cores, grown from free frames.
//!
//! While the firmware is still there its page allocator gives the first arena; afterwards more
//! memory comes from [`FRAMES`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull, null_mut};

use hermit_sync::RawTicketMutex;
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use super::LARGE_PAGE;
use super::frames::FRAMES;

/// Smallest growth, in bytes: one large page.
const GROWTH: u64 = LARGE_PAGE;

/// Room that the allocator's own tags need beside one allocation, generously.
const TAGS: u64 = 4096;

static HEAP: TalcLock<RawTicketMutex, FreeFrames> = TalcLock::new(FreeFrames);

/// Grows the heap by free frames.
#[derive(Debug)]
struct FreeFrames;

// SAFETY: `acquire` allocates frames, which never uses the heap.
unsafe impl Source for FreeFrames {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let wanted = (layout.size() as u64)
            .checked_add(layout.align() as u64 + TAGS)
            .ok_or(())?;
        let len = wanted.checked_next_multiple_of(GROWTH).ok_or(())?;
        let start = FRAMES.lock().allocate(len, GROWTH).map_err(|_| ())?;
        let base = ptr::with_exposed_provenance_mut(start as usize);
        // SAFETY: the frames were free until just now, are mapped writable and stay the heap's.
        unsafe { talc.claim(base, len as usize) }
            .map(|_| ())
            .ok_or(())
    }
}

/// Gives the heap its first memory.
///
/// # Safety
/// The memory is writable and nobody else's for ever.
pub unsafe fn claim(memory: NonNull<[u8]>) {
    // SAFETY: the caller's promise.
    let claimed = unsafe { HEAP.lock().claim(memory.as_ptr().cast(), memory.len()) };
    assert!(claimed.is_some(), "the first heap arena is too small");
}

/// Bytes in allocations now.
#[must_use]
pub fn used_bytes() -> usize {
    HEAP.lock().counters().allocated_bytes
}

/// Bytes the heap has taken from the machine.
#[must_use]
pub fn claimed_bytes() -> usize {
    HEAP.lock().counters().claimed_bytes
}

/// The kernel's global allocator: a name for the one heap.
pub struct KernelHeap;

// SAFETY: forwards to talc's lock, which fulfils the contract; before the first `claim` every
// allocation fails, and frames are claimed only after `FRAMES` got memory.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise: the layout is not of size zero.
        unsafe { HEAP.lock().allocate(layout) }.map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise: `memory` came from `alloc` with this layout.
        unsafe { HEAP.lock().deallocate(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise: as in `dealloc`, and `new_size` is not zero.
        if unsafe { HEAP.lock().try_realloc_in_place(memory, layout, new_size) } {
            return memory;
        }
        // SAFETY: `new_size` with the old alignment is valid by the caller's promise; the copied
        // part lies within both blocks, which are distinct because the old one is still allocated.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(memory, moved, layout.size().min(new_size));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}
