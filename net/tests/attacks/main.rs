//! The attack suite: each budget of the swarm is hit from outside, by a client that does what it
//! wants on its connection. Each attack must be counted, must stay within the memory stated here,
//! and must leave honest clients alone. Time is virtual, memory is what the allocator gave out.

mod floods;
mod libraries;
mod set_up;
mod victim;
#[allow(dead_code, reason = "each suite uses its part")]
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

static ALONE: Mutex<()> = Mutex::new(());

/// What one attack may cost at its peak, in bytes. Attacks run one at a time.
struct Budget {
    bytes: usize,
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Budget {
    fn of(bytes: usize) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        MEMORY.reset_peak_usage();
        Self {
            bytes,
            before: MEMORY.current_usage(),
            _alone: alone,
        }
    }

    /// What the attack took at most.
    fn spent(&self) -> usize {
        MEMORY.peak_usage().saturating_sub(self.before)
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        let spent = self.spent();
        assert!(
            std::thread::panicking() || spent <= self.bytes,
            "the attack took {spent} bytes of memory, {} were allowed",
            self.bytes
        );
    }
}
