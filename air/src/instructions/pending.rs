//! Which instructions wait for something.

use alloc::vec::Vec;

use crate::ast::NodeId;

/// Instructions that wait and are remembered. With more of them something may be left.
const MAX_PENDING: usize = 32;

/// Instructions that wait for something.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) nodes: Vec<NodeId>,
    /// More of them wait.
    pub(super) overflown: bool,
}

impl Pending {
    /// An instruction waits.
    pub(super) fn add(&mut self, node: NodeId) {
        if self.nodes.contains(&node) {
            return;
        }
        match self.nodes.len() < MAX_PENDING {
            true => self.nodes.push(node),
            false => self.overflown = true,
        }
    }
}
