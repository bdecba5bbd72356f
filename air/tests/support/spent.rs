//! An allocator that counts for each thread, and the thread's processor time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn change(bytes: isize) {
    // A thread that ends has no cells any more.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory it hands
// out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        change(layout.size() as isize);
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        change(-(layout.size() as isize));
        // SAFETY: `memory` came from `System`, by `alloc` or `realloc` here, with this `layout`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there for a moment.
        change(size as isize);
        change(-(layout.size() as isize));
        // SAFETY: as for `dealloc`; `size` is the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Processor time of this thread in seconds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn processor() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a timespec that lives for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn processor() -> f64 {
    use std::time::Instant;
    thread_local!(static BEGIN: Instant = Instant::now());
    BEGIN.with(|begin| begin.elapsed().as_secs_f64())
}

/// What something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Processor time of this thread, in seconds.
    pub(crate) processor: f64,
    /// Bytes that were allocated at the same time, at most. What is given back counts, what was
    /// there before does not.
    pub(crate) held: u64,
}

/// Does something once.
pub(crate) fn spend<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let before = NOW.get();
    PEAK.set(before);
    let begin = processor();
    let done = work();
    let spent = Spent {
        processor: processor() - begin,
        held: (PEAK.get() - before).max(0) as u64,
    };
    (done, spent)
}
