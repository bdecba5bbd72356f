//! One particle in one scope.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use bytes::Bytes;

use crate::air::CallResult;
use crate::particle::Header;

/// Names an actor; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ActorId(pub(super) u64);

/// What makes two arrivals the same particle.
///
/// The signature alone does not: the signed bytes have no separators, so one signature can cover two
/// readings of them with different ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    scope: PeerId,
    signature: Vec<u8>,
    id: String,
}

impl Key {
    pub(super) fn new(scope: PeerId, header: &Header) -> Key {
        Key {
            scope,
            signature: header.signature.clone(),
            id: header.id.clone(),
        }
    }
}

/// A particle that is alive here.
pub(super) struct Actor {
    pub(super) key: Key,
    pub(super) scope: PeerId,
    pub(super) header: Header,
    /// Whether its author has an account.
    pub(super) author_pays: bool,
    /// Whether its scope is a worker's that has an account.
    pub(super) worker_pays: bool,
    /// The last millisecond of its life here.
    pub(super) deadline: u64,
    /// Data of arrivals, oldest first.
    pub(super) mailbox: VecDeque<Bytes>,
    /// Answers to its calls that no run has seen yet.
    pub(super) results: Vec<(u32, CallResult)>,
    /// Data of the last run.
    pub(super) data: Bytes,
    /// Whether it stands in the queue.
    pub(super) waits_for_turn: bool,
    /// Calls whose results are not there yet.
    pub(super) calls: usize,
    /// Whether it is a run of a spell of this node.
    pub(super) is_run: bool,
}

impl Actor {
    pub(super) fn new(key: Key, scope: PeerId, header: Header, deadline: u64) -> Actor {
        Actor {
            key,
            scope,
            header,
            author_pays: false,
            worker_pays: false,
            deadline,
            mailbox: VecDeque::new(),
            results: Vec::new(),
            data: Bytes::new(),
            waits_for_turn: false,
            calls: 0,
            is_run: false,
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !self.mailbox.is_empty() || !self.results.is_empty()
    }

    /// Whether this node has something to do for it; what other peers do is not known.
    pub(super) fn is_busy(&self) -> bool {
        self.has_work() || self.calls > 0
    }

    /// Bytes it holds.
    pub(super) fn memory(&self) -> usize {
        self.header.size()
            + self.data.len()
            + self.mailbox.iter().map(Bytes::len).sum::<usize>()
            + self
                .results
                .iter()
                .map(|(_, result)| result.result.len())
                .sum::<usize>()
    }
}
