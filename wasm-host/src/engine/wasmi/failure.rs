//! Failures on their way through the engine.

use alloc::{boxed::Box, string::ToString};
use core::fmt;

use wasmi::errors::ErrorKind;

use crate::engine::{BudgetKind, Failure, HostTrap};

/// A host function's failure as the engine carries it through the guest's frames.
#[derive(Debug)]
pub(super) struct HostFailure(pub(super) Box<HostTrap>);

impl fmt::Display for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl wasmi::errors::HostError for HostFailure {}

/// What an engine error means to the layers above.
pub(super) fn failure(error: &wasmi::Error) -> Failure {
    // A failure of ours comes first: the engine wraps it, and its own kind says nothing then.
    if let Some(failure) = error.downcast_ref::<HostFailure>() {
        return Failure::Host(HostTrap::clone(&failure.0));
    }
    match error.kind() {
        // Fuel ends outside of a resumable call only in a start function.
        ErrorKind::TrapCode(wasmi::TrapCode::OutOfFuel) => Failure::Budget(BudgetKind::Fuel),
        ErrorKind::TrapCode(_) | ErrorKind::Memory(_) | ErrorKind::Table(_) => {
            Failure::Trap(error.to_string())
        }
        _ => Failure::Mismatch(error.to_string()),
    }
}
