//! What is known of names, and what encloses the instruction being parsed.

use alloc::vec::Vec;

use crate::ast::{Name, NodeId, Slot};

/// What is known of a name.
#[derive(Clone, Copy, Default)]
pub(super) struct NameInfo {
    /// Of the definitions that have ended, the one that starts first.
    pub(super) defined: Option<NodeId>,
    /// Of the uses without a definition in front of them, the one that ended first.
    pub(super) undefined_use: Option<NodeId>,
    /// Index in [`Scopes::folds`] of the open fold with this iterator.
    pub(super) fold: Option<u32>,
    /// Whether there was a `next` of it.
    pub(super) has_next: bool,
    /// Whether an instruction follows a `next` of it.
    pub(super) followed: bool,
    /// Slot of the streams of this name.
    pub(super) slot: Option<Slot>,
}

impl NameInfo {
    /// Whether a definition that has ended starts before an instruction.
    pub(super) fn is_defined_before(&self, node: NodeId) -> bool {
        self.defined.is_some_and(|defined| defined.0 < node.0)
    }
}

/// A fold whose closing parenthesis was not yet met.
pub(super) struct OpenFold {
    pub(super) iterator: Name,
    pub(super) has_next: bool,
}

/// What encloses the instruction being parsed.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) folds: Vec<OpenFold>,
    /// Whether the rule about instructions after `next` is not checked any more.
    pub(super) endings_lost: bool,
    /// Number of names of streams and maps.
    pub(super) slots: u32,
}
