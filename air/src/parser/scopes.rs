//! What is known of names, and what encloses the instruction being parsed.

use alloc::vec::Vec;

use crate::ast::{Name, NodeId, Slot};

/// What is known of a name.
#[derive(Clone, Copy, Default)]
pub(super) struct NameInfo {
    pub(super) defined: bool,
    /// Index in [`Scopes::folds`] of the open fold with this iterator.
    pub(super) fold: Option<u32>,
    /// Slot of the stream of this name outside of any `new`.
    pub(super) global: Option<Slot>,
}

/// A fold whose closing parenthesis was not yet met.
pub(super) struct OpenFold {
    pub(super) node: NodeId,
    pub(super) iterator: Name,
    pub(super) over_stream: bool,
    pub(super) has_next: bool,
    /// Values of the counters in [`Scopes`] at its start.
    pub(super) lefts: u32,
    pub(super) xors: u32,
}

/// What encloses the instruction being parsed.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) folds: Vec<OpenFold>,
    /// Streams renewed by an open `new`, innermost last.
    pub(super) renewed: Vec<(Name, Slot)>,
    /// Number of seq and par whose left arm is being parsed.
    pub(super) lefts: u32,
    /// Number of open xor.
    pub(super) xors: u32,
    /// `next`s that something follows, unless a xor in between excuses it.
    pub(super) suspects: Vec<(NodeId, NodeId)>,
    pub(super) slots: u32,
}

impl Scopes {
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    pub(super) fn new_slot(&mut self) -> Slot {
        self.slots += 1;
        Slot(self.slots - 1)
    }
}
