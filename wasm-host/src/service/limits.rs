//! What a service may use.

use crate::{
    engine::BudgetKind,
    host::Host,
    pool::{MemoryPool, Share},
};

/// Bounds that hold for every call of a service.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all memories and, at 8 bytes an element, tables of all modules together; bounds a
    /// guest that allocates without end.
    pub memory: u64,
    /// Host memory of one value on its way between guests or to the caller; bounds guests whose
    /// arrays point many times at one block.
    pub value_bytes: usize,
    /// Length of a log line; longer ones are reported as unreadable.
    pub log_bytes: usize,
    /// Entries into guests that are open at once; bounds the host's stack when a guest's allocator
    /// calls the host.
    pub depth: u32,
    /// Modules of a service, hence the length of a chain of calls.
    pub modules: usize,
    /// Open files of a module.
    pub open_files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: u64::MAX,
            value_bytes: 256 << 20,
            log_bytes: 1 << 20,
            depth: 64,
            modules: 32,
            open_files: 1024,
        }
    }
}

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Fuel: about one unit per instruction, plus one per 64 bytes moved in bulk.
    pub fuel: u64,
    /// The host's monotonic time at which the call ends. It is looked at once per slice of fuel.
    pub deadline: Option<u64>,
}

impl Budget {
    /// No bound; for tests and tools.
    pub const UNLIMITED: Self = Self {
        fuel: u64::MAX,
        deadline: None,
    };
}

/// Fuel granted at once: some milliseconds of interpretation, the precision of deadlines.
const SLICE: u64 = 4_000_000;

/// Hands out a call's fuel in slices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    left: u64,
    pub(crate) deadline: Option<u64>,
}

impl Meter {
    /// A meter and the first slice.
    pub(crate) fn start(budget: Budget) -> (Self, u64) {
        let first = budget.fuel.min(SLICE);
        let meter = Self {
            left: budget.fuel - first,
            deadline: budget.deadline,
        };
        (meter, first)
    }

    pub(crate) fn refuel(&mut self, needed: u64, host: &mut dyn Host) -> Result<u64, BudgetKind> {
        if self
            .deadline
            .is_some_and(|deadline| host.monotonic() >= deadline)
        {
            return Err(BudgetKind::Time);
        }
        // The deadline comes first: a call that is both late and out of fuel reports the time.
        if needed > self.left || self.left == 0 {
            return Err(BudgetKind::Fuel);
        }
        // One instruction may need more than a slice: bulk operations do.
        let slice = needed.max(SLICE).min(self.left);
        self.left -= slice;
        Ok(slice)
    }

    /// Fuel not handed out.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }
}

/// The memory limit of a service. Nothing but what the engine
/// failed to take is given back while it is awake.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    left: u64,
    pub(crate) rejects: u64,
    /// Bytes that its instances take.
    taken: u64,
    /// Bytes that it has of the pool now: at rest it has fewer.
    share: Share,
}

/// Bytes that an element of a table counts for.
const TABLE_ELEMENT: u64 = 8;

impl MemoryLimit {
    pub(crate) fn new(bytes: u64, pool: Option<MemoryPool>) -> Self {
        Self {
            left: bytes,
            rejects: 0,
            taken: 0,
            share: Share::of(pool),
        }
    }

    pub(crate) fn memory(&mut self, current: u64, desired: u64) -> bool {
        self.take(desired.saturating_sub(current))
    }

    pub(crate) fn table(&mut self, current: u64, desired: u64) -> bool {
        self.take(
            desired
                .saturating_sub(current)
                .saturating_mul(TABLE_ELEMENT),
        )
    }

    pub(crate) fn memory_not_grown(&mut self, current: u64, desired: u64) {
        self.give_back(desired.saturating_sub(current));
        self.rejects += 1;
    }

    /// Most often since a table has its own maximum, of which the engine knows after it has asked.
    pub(crate) fn table_not_grown(&mut self, current: u64, desired: u64) {
        let elements = desired.saturating_sub(current);
        self.give_back(elements.saturating_mul(TABLE_ELEMENT));
    }

    /// What was granted last was not taken.
    fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.taken);
        self.left += bytes;
        self.taken -= bytes;
        self.share.set(self.share.bytes().saturating_sub(bytes));
    }

    fn take(&mut self, bytes: u64) -> bool {
        let left = self.left.checked_sub(bytes);
        // The service's own limit first, so that a refusal takes nothing from the pool.
        match left.filter(|_| self.share.grow(bytes)) {
            Some(left) => {
                self.left = left;
                self.taken += bytes;
                true
            }
            None => {
                self.rejects += 1;
                false
            }
        }
    }

    /// The instances are taken apart; so many bytes are kept of them.
    pub(crate) fn rest(&mut self, bytes: u64) {
        // What is kept may be more than the instances took, by the numbers of its blocks.
        self.share.set(bytes.min(self.taken));
    }

    /// The instances come back; false when the pool has no room for them.
    pub(crate) fn wake(&mut self) -> bool {
        self.share.grow(self.taken - self.share.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_share_a_pool_and_give_back_at_rest_and_at_their_end() {
        let pool = MemoryPool::new(100);
        let mut first = MemoryLimit::new(80, Some(pool.clone()));
        let mut second = MemoryLimit::new(80, Some(pool.clone()));
        assert!(first.memory(0, 60));
        assert!(!first.memory(60, 90) && first.rejects == 1);
        assert!(!second.memory(0, 50) && second.rejects == 1);
        assert!(second.memory(0, 40));
        assert_eq!((pool.used(), pool.left()), (100, 0));
        second.rest(10);
        assert_eq!(pool.used(), 70);
        assert!(first.memory(60, 80));
        assert!(!second.wake());
        assert_eq!(pool.used(), 90);
        drop(first);
        assert!(second.wake());
        assert_eq!(pool.used(), 40);
        drop(second);
        assert_eq!(pool.used(), 0);
    }
}
