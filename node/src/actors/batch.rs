//! The calls of a run, answered piece by piece.
//!
//! A run may ask for thousands of calls. Each piece of them costs some milliseconds at most, and
//! between two pieces other particles run. Each piece is a turn of its actor, which runs again when
//! all are answered.

use alloc::collections::BTreeMap;
use alloc::vec::{IntoIter, Vec};

use basalt_net::peer_id::PeerId;
use bytes::Bytes;

use super::actor::ActorId;
use crate::intake::Verified;
use crate::script::CallRequest;
use crate::shares::Payer;

/// Bytes of calls that wait to be answered. With more of them they do not wait for their turn.
const MAX_BYTES: usize = 64 << 20;
/// Bytes of a call beside its arguments, roughly.
const CALL: usize = 128;

/// What a run asks for.
pub(super) struct Asked {
    pub(super) particle: Verified,
    pub(super) payer: Payer,
    /// Bytes of the data as it came in.
    pub(super) own: usize,
    pub(super) data: Bytes,
    pub(super) next_peers: Vec<PeerId>,
    pub(super) requests: Vec<(u32, CallRequest)>,
}

/// Calls of one run that are not answered yet, and what follows when they are.
pub(super) struct Batch {
    pub(super) actor: ActorId,
    pub(super) asked: Asked,
    pub(super) requests: IntoIter<(u32, CallRequest)>,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(actor: ActorId, mut asked: Asked) -> Batch {
        let requests = core::mem::take(&mut asked.requests);
        let bytes = requests
            .iter()
            .map(|(_, request)| CALL + request.arguments().len())
            .sum();
        Batch {
            actor,
            asked,
            requests: requests.into_iter(),
            bytes,
        }
    }
}

/// All of them, one for each actor at most.
#[derive(Default)]
pub(super) struct Batches {
    waiting: BTreeMap<ActorId, Batch>,
    bytes: usize,
    /// Whether the last turn went to an urgent one.
    was_urgent: bool,
}

impl Batches {
    pub(super) fn has(&self, actor: ActorId) -> bool {
        self.waiting.contains_key(&actor)
    }

    /// Keeps one until its actor's next turn.
    pub(super) fn put(&mut self, batch: Batch) {
        self.bytes += batch.bytes;
        self.waiting.insert(batch.actor, batch);
    }

    pub(super) fn take(&mut self, actor: ActorId) -> Option<Batch> {
        let batch = self.waiting.remove(&actor)?;
        self.bytes -= batch.bytes;
        Some(batch)
    }

    /// The batch that is not to wait for its turn: when too much waits here, every second turn is
    /// the oldest actor's.
    pub(super) fn next_urgent(&mut self) -> Option<ActorId> {
        self.was_urgent = !self.was_urgent && self.bytes >= MAX_BYTES;
        let (&actor, _) = self.was_urgent.then(|| self.waiting.first_key_value())??;
        Some(actor)
    }
}
