//! The calls of a run, answered piece by piece.
//!
//! A run may ask for thousands of calls. Each piece of them costs some milliseconds at most, and
//! between two pieces another particle runs. The actor runs again when all are answered.

use alloc::collections::VecDeque;
use alloc::vec::{IntoIter, Vec};

use basalt_net::peer_id::PeerId;
use bytes::Bytes;

use super::actor::ActorId;
use crate::intake::Verified;
use crate::script::CallRequest;
use crate::shares::Payer;

/// Bytes of calls that wait to be answered. With more of them no other particle runs.
const MAX_BYTES: usize = 64 << 20;
/// Bytes of a call beside its arguments, roughly.
const CALL: usize = 128;

/// What a run asks for.
pub(super) struct Asked {
    pub(super) particle: Verified,
    pub(super) payer: Payer,
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
    waiting: VecDeque<Batch>,
    bytes: usize,
    /// The last step was a run: a piece of a batch comes next.
    is_next: bool,
}

impl Batches {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts one behind the others.
    pub(super) fn push(&mut self, batch: Batch) {
        self.bytes += batch.bytes;
        self.waiting.push_back(batch);
    }

    /// The batch whose piece comes next: each time after a run, always when no run waits, and
    /// always when too much waits here.
    pub(super) fn pop(&mut self, no_run: bool) -> Option<Batch> {
        let turn = core::mem::replace(&mut self.is_next, true);
        if !turn && !no_run && self.bytes < MAX_BYTES {
            return None;
        }
        let batch = self.waiting.pop_front()?;
        self.is_next = false;
        self.bytes -= batch.bytes;
        Some(batch)
    }
}
