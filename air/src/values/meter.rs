//! What a run may take, and what it has taken.

use core::cell::Cell;
use core::fmt;

use crate::error::Error;

/// The run did or took more than its budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BudgetExceeded {
    /// Bytes that were gone through.
    Work,
    /// Bytes that were taken.
    Memory,
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Work => "the budget of bytes is exceeded",
            Self::Memory => "the budget of memory is exceeded",
        })
    }
}

/// Work and memory of one run. Both are counted where they are spent.
pub(crate) struct Meter {
    work_limit: u64,
    work: Cell<u64>,
    memory_limit: u64,
    /// Bytes outside of the arena: requests, results, the trace.
    held: Cell<u64>,
    /// Whether memory was refused.
    refused: Cell<bool>,
}

impl Meter {
    pub(crate) fn new(work_limit: u64, memory_limit: u64) -> Self {
        Meter {
            work_limit,
            work: Cell::new(0),
            memory_limit,
            held: Cell::new(0),
            refused: Cell::new(false),
        }
    }

    /// Work done so far.
    pub(crate) fn work(&self) -> u64 {
        self.work.get()
    }

    /// Notes work that can't be refused any more; [`Self::check`] refuses what comes behind it.
    pub(super) fn spend(&self, bytes: usize) {
        self.work.set(self.work.get().saturating_add(bytes as u64));
    }

    /// Work that may still be done.
    pub(super) fn work_left(&self) -> u64 {
        self.work_limit.saturating_sub(self.work.get())
    }

    /// Memory that may still be taken, beside `arena` bytes.
    pub(super) fn memory_left(&self, arena: usize) -> u64 {
        let taken = self.held.get().saturating_add(arena as u64);
        self.memory_limit.saturating_sub(taken)
    }

    /// Takes memory outside of the arena, for as long as the run lasts.
    pub(super) fn hold(&self, bytes: usize, arena: usize) -> Result<(), BudgetExceeded> {
        if bytes as u64 > self.memory_left(arena) {
            self.refused.set(true);
            return Err(BudgetExceeded::Memory);
        }
        self.held.set(self.held.get() + bytes as u64);
        Ok(())
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes as u64));
    }

    /// Memory taken, beside `arena` bytes.
    pub(crate) fn memory(&self, arena: usize) -> u64 {
        self.held.get().saturating_add(arena as u64)
    }

    /// Whether all is within the limits.
    pub(super) fn check(&self, arena: usize) -> Result<(), BudgetExceeded> {
        if self.work.get() > self.work_limit {
            return Err(BudgetExceeded::Work);
        }
        if self.refused.get() || self.memory(arena) > self.memory_limit {
            return Err(BudgetExceeded::Memory);
        }
        Ok(())
    }
}

impl From<BudgetExceeded> for Error {
    fn from(exceeded: BudgetExceeded) -> Self {
        Error::Budget(match exceeded {
            BudgetExceeded::Work => "bytes",
            BudgetExceeded::Memory => "memory",
        })
    }
}
