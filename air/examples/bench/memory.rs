//! The benchmark's allocator: the system's, counted, and made to keep what is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

fn count(bytes: usize) {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory it hands
// out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System`, by `alloc` or `realloc` here, with this `layout`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: as for `dealloc`; `size` is the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Allocations, and the bytes they asked for.
#[derive(Clone, Copy)]
pub(super) struct Allocated {
    pub(super) count: usize,
    pub(super) bytes: usize,
}

/// Runs `work`; tells what it allocated.
pub(super) fn allocated(work: &mut dyn FnMut()) -> Allocated {
    let now = || {
        (
            ALLOCATIONS.load(Ordering::Relaxed),
            BYTES.load(Ordering::Relaxed),
        )
    };
    let (count, bytes) = now();
    work();
    let after = now();
    Allocated {
        count: after.0 - count,
        bytes: after.1 - bytes,
    }
}

/// Makes the allocator keep freed memory, as the node's heap does. Left alone, glibc would give the
/// memory of each call back to the host's kernel, and each call would wait for fresh pages.
pub(super) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (option, value) in [
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_MMAP_THRESHOLD, 32 << 20),
    ] {
        // SAFETY: `mallopt` takes two numbers and touches no memory of ours; it is called before
        // any thread is started.
        unsafe { libc::mallopt(option, value) };
    }
}
