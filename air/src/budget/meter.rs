//! What a run may take, and what it has taken.

use core::cell::Cell;
use core::fmt;

use super::cost::Ticks;
use crate::config::Config;

/// The run did or took more than its budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BudgetExceeded {
    /// Time, as the work that was done is counted.
    Time,
    /// Bytes that were taken.
    Memory,
}

impl BudgetExceeded {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the budget of {} is exceeded", self.name())
    }
}

/// Time and memory of one run. Both are counted where they are spent.
pub(crate) struct Meter {
    time_limit: Ticks,
    time: Cell<Ticks>,
    memory_limit: u64,
    /// Bytes outside of the arena: what was read, requests, the trace.
    held: Cell<u64>,
    /// Most bytes that were taken at once, as far as somebody asked.
    peak: Cell<u64>,
    /// Whether memory was refused.
    refused: Cell<bool>,
}

impl Meter {
    /// The meter of a particle of `size` bytes.
    pub(crate) fn new(config: &Config, size: usize) -> Self {
        Meter::with_limits(config.time_of(size), config.memory_of(size))
    }

    /// Microseconds and bytes.
    pub(crate) fn with_limits(time: u64, memory: u64) -> Self {
        Meter {
            time_limit: Ticks::from_micros(time),
            time: Cell::new(Ticks::NONE),
            memory_limit: memory,
            held: Cell::new(0),
            peak: Cell::new(0),
            refused: Cell::new(false),
        }
    }

    /// Counts, and refuses nothing.
    pub(crate) fn unlimited() -> Self {
        Meter::with_limits(u64::MAX, u64::MAX)
    }

    /// Microseconds spent so far.
    pub(crate) fn time(&self) -> u64 {
        self.time.get().micros()
    }

    /// Notes work that can't be refused any more; [`Self::check`] refuses what comes behind it.
    pub(crate) fn spend(&self, ticks: Ticks) {
        self.time.set(self.time.get() + ticks);
    }

    /// Memory that may still be taken, beside `arena` bytes.
    pub(crate) fn memory_left(&self, arena: usize) -> u64 {
        let taken = self.held.get().saturating_add(arena as u64);
        self.memory_limit.saturating_sub(taken)
    }

    /// Takes memory outside of the arena, for as long as the run lasts.
    pub(crate) fn hold(&self, bytes: usize, arena: usize) -> Result<(), BudgetExceeded> {
        if bytes as u64 > self.memory_left(arena) {
            self.refused.set(true);
            return Err(BudgetExceeded::Memory);
        }
        self.held.set(self.held.get() + bytes as u64);
        self.memory(arena);
        Ok(())
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes as u64));
    }

    /// Notes that something is not to be had: the next check refuses the run.
    pub(crate) fn refuse(&self) {
        self.refused.set(true);
    }

    /// Memory taken, beside `arena` bytes.
    pub(crate) fn memory(&self, arena: usize) -> u64 {
        let memory = self.held.get().saturating_add(arena as u64);
        self.peak.set(self.peak.get().max(memory));
        memory
    }

    /// The most memory that was taken at once.
    pub(crate) fn peak(&self, arena: usize) -> u64 {
        self.memory(arena).max(self.peak.get())
    }

    /// Whether all is within the limits.
    pub(crate) fn check(&self, arena: usize) -> Result<(), BudgetExceeded> {
        if self.time.get() > self.time_limit {
            return Err(BudgetExceeded::Time);
        }
        if self.refused.get() || self.memory(arena) > self.memory_limit {
            return Err(BudgetExceeded::Memory);
        }
        Ok(())
    }
}
