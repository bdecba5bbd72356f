//! Failures of instructions.

use alloc::boxed::Box;

use crate::data::Tetraplet;
use crate::error::Error;
use crate::scopes::Raised;

/// A failure; boxed, because it is rare and large.
#[derive(Debug)]
pub(crate) struct Fault<'r>(pub(crate) Box<Raised<'r>>);

impl Fault<'_> {
    pub(super) fn is_joinable(&self) -> bool {
        self.0.error.is_joinable()
    }

    pub(super) fn is_catchable(&self) -> bool {
        self.0.error.is_catchable()
    }
}

impl<E: Into<Error>> From<E> for Fault<'_> {
    fn from(error: E) -> Self {
        Fault(Box::new(Raised::from(error.into())))
    }
}

/// Attributes an error to a call.
pub(super) fn blame<'r>(mut fault: Fault<'r>, origin: &'r Tetraplet<'r>) -> Fault<'r> {
    fault.0.origin = Some(origin);
    fault
}
