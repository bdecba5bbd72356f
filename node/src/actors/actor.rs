//! One particle in one scope.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::Ordering;

use basalt_net::peer_id::PeerId;
use bytes::Bytes;

use crate::intake::Verified;
use crate::script::CallResult;
use crate::shares::Payer;

/// Names an actor; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ActorId(pub(super) u64);

/// A call whose result is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId {
    pub(super) actor: ActorId,
    pub(super) request: u32,
}

/// What makes two particles that come in the same one: scope, signature and id.
///
/// The signature alone does not: the signed bytes have no separators, so one signature can cover
/// two readings of them with different ids.
#[derive(Debug, Clone)]
pub(super) struct Key {
    scope: PeerId,
    particle: Verified,
}

impl Key {
    pub(super) fn new(scope: PeerId, particle: Verified) -> Key {
        Key { scope, particle }
    }

    pub(super) fn parts(&self) -> (&PeerId, &[u8], &str) {
        (&self.scope, &self.particle.signature, &self.particle.id)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

/// A particle that is alive here.
pub(super) struct Actor {
    pub(super) scope: PeerId,
    pub(super) particle: Verified,
    /// Who pays for it.
    pub(super) payer: Payer,
    /// Whether its author has an account.
    pub(super) author_pays: bool,
    /// Whether its scope is a worker's that has an account.
    pub(super) worker_pays: bool,
    /// The last millisecond of its life here, Unix time.
    pub(super) deadline: u64,
    /// Whether it stands in the line of those that wait for their turn.
    pub(super) waits_for_turn: bool,
    /// Whether a spell of this node made the particle.
    pub(super) is_of_spell: bool,
    /// Whether the last run said that nothing is left for its scope.
    pub(super) is_over: bool,
    /// Calls whose results are not there yet.
    pub(super) open_calls: usize,
    /// Whether calls of its last run are still answered.
    pub(super) has_batch: bool,
    /// Bytes of the data as it came in, at most.
    pub(super) own: usize,
    /// Data that came in, oldest first.
    mailbox: VecDeque<Bytes>,
    /// Results of its calls that no run has seen yet.
    results: Vec<(u32, CallResult)>,
    /// Their bytes.
    pub(super) result_bytes: usize,
    /// Data of the last run.
    data: Bytes,
    /// Bytes of mailbox, results and data.
    held: usize,
}

/// What the next run of an actor takes.
pub(super) struct RunInput {
    pub(super) prev: Bytes,
    pub(super) current: Bytes,
    pub(super) results: Vec<(u32, CallResult)>,
}

impl Actor {
    /// An actor that has expired and whose particle nobody pays for: the table sets both.
    pub(super) fn new(scope: PeerId, particle: Verified, payer: Payer) -> Actor {
        Actor {
            scope,
            particle,
            payer,
            author_pays: false,
            worker_pays: false,
            deadline: 0,
            waits_for_turn: false,
            is_of_spell: false,
            is_over: false,
            open_calls: 0,
            has_batch: false,
            own: 0,
            mailbox: VecDeque::new(),
            results: Vec::new(),
            result_bytes: 0,
            data: Bytes::new(),
            held: 0,
        }
    }

    pub(super) fn key(&self) -> Key {
        Key::new(self.scope, self.particle.clone())
    }

    /// Pieces of data in the mailbox.
    pub(super) fn mailbox_len(&self) -> usize {
        self.mailbox.len()
    }

    pub(super) fn has_work(&self) -> bool {
        !self.mailbox.is_empty() || !self.results.is_empty()
    }

    /// Whether this node has something to do for it. What other peers do is not known.
    pub(super) fn is_busy(&self) -> bool {
        self.has_work() || self.open_calls > 0 || self.has_batch
    }

    /// Whether nothing is left to do for it, whatever comes.
    pub(super) fn is_finished(&self) -> bool {
        self.is_over && !self.is_busy()
    }

    /// Bytes it holds.
    pub(super) fn memory(&self) -> usize {
        self.particle.size() + self.held
    }

    /// Puts data in the mailbox.
    pub(super) fn post(&mut self, data: Bytes) {
        self.held += data.len();
        self.mailbox.push_back(data);
    }

    /// Keeps the result of a call for the next run.
    pub(super) fn add_result(&mut self, request: u32, result: CallResult) {
        self.held += result.result.len();
        self.result_bytes += result.result.len();
        self.results.push((request, result));
    }

    /// Takes what the next run gets: one piece of data and all results.
    pub(super) fn take_input(&mut self) -> RunInput {
        let input = RunInput {
            prev: core::mem::take(&mut self.data),
            current: self.mailbox.pop_front().unwrap_or_default(),
            results: core::mem::take(&mut self.results),
        };
        self.result_bytes = 0;
        self.held = self.mailbox.iter().map(Bytes::len).sum();
        input
    }

    /// Keeps the data of a run.
    pub(super) fn keep(&mut self, data: Bytes) {
        self.held = self.held + data.len() - self.data.len();
        self.data = data;
    }
}
