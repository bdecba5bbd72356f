//! Stacks of work that may pause.

use basalt_edge::coroutines::{self, StackPointer};

use crate::mem::stack::{Error, Stack};

/// Bytes of a stack. Deep recursion in guests hits the guard page.
const BYTES: u64 = 512 << 10;

/// A stack that pieces of work run on, one after the other.
pub struct JobStack(Stack);

impl JobStack {
    /// Takes a stack, for ever.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new() -> Result<Self, Error> {
        Stack::new(BYTES).map(Self)
    }
}

// SAFETY: the memory is ours for ever, far more than the least, aligned to pages, and below it is a
// page that faults, which the limit includes.
unsafe impl coroutines::Stack for JobStack {
    fn base(&self) -> StackPointer {
        pointer(self.0.top())
    }

    fn limit(&self) -> StackPointer {
        pointer(self.0.guard().start)
    }
}

/// An address in a stack, which is never 0: that page is not memory.
fn pointer(address: u64) -> StackPointer {
    StackPointer::new(address as usize).unwrap_or(StackPointer::MIN)
}
