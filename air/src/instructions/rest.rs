//! What the script still holds for this peer, once some of its instructions wait for others.
//!
//! A peer that has nothing left to do in a particle may forget the particle's data. That is known
//! from the script: what may be executed later stands behind an instruction that waits, to the
//! right of it in a `seq` or an `xor`, or in the body of a `fold` around it. If none of it can be
//! meant for this peer, nothing is left. In doubt something is.

use alloc::vec::Vec;

use super::run::Run;
use crate::ast::{Instr, Iterable, NodeId, Operand};

/// Instructions that wait and are remembered. With more of them something may be left.
const MAX_PENDING: usize = 32;
/// Instructions that are looked at. In longer scripts something may be left.
const MAX_LOOKED_AT: usize = 4096;

/// Instructions that wait for something.
#[derive(Default)]
pub(super) struct Pending {
    nodes: Vec<NodeId>,
    overflown: bool,
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

impl Run<'_> {
    /// Whether nothing of the script is left for this peer, whatever the others do.
    pub(crate) fn is_over_here(&self) -> bool {
        if self.pending.overflown || !self.requests.is_empty() {
            return false;
        }
        let mut left = MAX_LOOKED_AT;
        if self.pending.nodes.is_empty() {
            return self.complete || !self.may_grow(&mut left);
        }
        !self.may_grow(&mut left)
            && self
                .pending
                .nodes
                .iter()
                .all(|&node| self.is_over_behind(node, &mut left) == Some(true))
    }

    /// Whether a fold over a stream, which may get more elements, has something for this peer.
    fn may_grow(&self, left: &mut usize) -> bool {
        let nodes = &self.script.nodes;
        let Some(rest) = left.checked_sub(nodes.len()) else {
            return true;
        };
        *left = rest;
        nodes.iter().any(|instr| match instr {
            Instr::Fold {
                iterable: Iterable::Stream(_),
                body,
                ..
            } => self.concerns(body.0 as usize, nodes.len(), left) != Some(false),
            _ => false,
        })
    }

    /// Whether nothing that can follow an instruction concerns this peer; `None`: it is too much to
    /// look at.
    fn is_over_behind(&self, node: NodeId, left: &mut usize) -> Option<bool> {
        let nodes = &self.script.nodes;
        let target = node.0 as usize;
        let (mut at, mut end) = (0, nodes.len());
        while at != target {
            *left = left.checked_sub(1)?;
            let next = match nodes.get(at)? {
                Instr::Seq { left: l, right } | Instr::Xor { left: l, right } => {
                    let right = right.0 as usize;
                    if target >= right {
                        right
                    } else {
                        if self.concerns(right, end, left)? {
                            return Some(false);
                        }
                        end = right;
                        l.0 as usize
                    }
                }
                Instr::Par { left: l, right } => {
                    let right = right.0 as usize;
                    if target >= right {
                        right
                    } else {
                        end = right;
                        l.0 as usize
                    }
                }
                Instr::Match { body, .. }
                | Instr::Mismatch { body, .. }
                | Instr::New { body, .. } => body.0 as usize,
                // Each element runs all of it.
                Instr::Fold { .. } => break,
                _ => return None,
            };
            at = next;
        }
        // What waits may be this peer's to do, or have a body that is.
        Some(!self.concerns(at, end, left)?)
    }

    /// Whether one of the instructions may be for this peer.
    fn concerns(&self, from: usize, to: usize, left: &mut usize) -> Option<bool> {
        *left = left.checked_sub(to.saturating_sub(from))?;
        let nodes = self.script.nodes.get(from..to)?;
        Some(nodes.iter().any(|instr| match *instr {
            Instr::Call(call) => self.may_be_here(self.script.call(call).peer),
            Instr::Canon { peer, .. } => self.may_be_here(peer),
            _ => false,
        }))
    }

    fn may_be_here(&self, peer: Operand) -> bool {
        match peer {
            Operand::InitPeerId => self.is_current_peer(&self.params.init_peer_id),
            Operand::Literal(text) => self.is_current_peer(self.script.text(text)),
            _ => true,
        }
    }
}
