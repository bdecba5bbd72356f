//! Calls whose results are not there yet.

use alloc::collections::BTreeMap;

use super::actor::CallId;
use super::timers::Timers;
use crate::builtins::Slot;
use crate::compute::JobId;
use crate::intake::Limits;
use crate::refusal::Refusal;
use crate::shares::{Full, Payer, Pool};

/// What calls wait for: a time, a job, a connection. Each is a pool with shares.
pub(super) struct OpenCalls {
    pub(super) timers: Timers,
    jobs: BTreeMap<JobId, Waiting>,
    pools: [Pool; Slot::ALL.len()],
    /// Calls of `peer.connect` under way. The peer above knows more of them.
    connecting: BTreeMap<CallId, Payer>,
    connects: Pool,
}

/// A call that waits for a job.
struct Waiting {
    call: CallId,
    slot: Slot,
    payer: Payer,
    /// Bytes of its arguments.
    bytes: usize,
}

/// The call that waited for a job.
pub(super) struct Waited {
    pub(super) call: CallId,
    pub(super) payer: Payer,
    /// Bytes of its arguments.
    pub(super) bytes: usize,
}

impl OpenCalls {
    /// None; `max_jobs` may wait for compute cores.
    pub(super) fn new(limits: &Limits, max_jobs: usize) -> OpenCalls {
        OpenCalls {
            timers: Timers::new(limits.max_timers),
            jobs: BTreeMap::new(),
            pools: Slot::ALL.map(|slot| Pool::new(slot.size(max_jobs) as u64)),
            connecting: BTreeMap::new(),
            connects: Pool::new(limits.max_connects as u64),
        }
    }

    /// Whether a payer may begin another job of this kind.
    pub(super) fn may_begin(&self, slot: Slot, payer: &Payer) -> Result<(), Refusal> {
        let may = self.pools[slot as usize].may_take(payer, 1);
        may.map_err(|full| slot.refusal(full == Full::All))
    }

    /// A call waits for a job.
    pub(super) fn wait_for_job(
        &mut self,
        job: JobId,
        call: CallId,
        slot: Slot,
        payer: Payer,
        bytes: usize,
    ) {
        self.pools[slot as usize].add(&payer, 1);
        let waiting = Waiting {
            call,
            slot,
            payer,
            bytes,
        };
        self.jobs.insert(job, waiting);
    }

    /// A job is done, and another one follows for the same call. False: no call waits for it.
    pub(super) fn job_goes_on(&mut self, job: JobId, next: JobId) -> bool {
        let waiting = self.jobs.remove(&job);
        let is_there = waiting.is_some();
        if let Some(waiting) = waiting {
            self.jobs.insert(next, waiting);
        }
        is_there
    }

    /// A job is done: the call that waits for it, if one does.
    pub(super) fn job_done(&mut self, job: JobId) -> Option<Waited> {
        let Waiting {
            call,
            slot,
            payer,
            bytes,
        } = self.jobs.remove(&job)?;
        self.pools[slot as usize].give(&payer, 1);
        Some(Waited { call, payer, bytes })
    }

    /// A call begins to wait for a connection.
    pub(super) fn begin_connect(&mut self, call: CallId, payer: Payer) -> Result<(), Refusal> {
        self.connects.take(&payer, 1).map_err(|full| match full {
            Full::All => Refusal::ConnectsFull,
            _ => Refusal::ConnectsShare,
        })?;
        self.connecting.insert(call, payer);
        Ok(())
    }

    /// A connection that a call waits for is there, or failed.
    pub(super) fn end_connect(&mut self, call: CallId) {
        if let Some(payer) = self.connecting.remove(&call) {
            self.connects.give(&payer, 1);
        }
    }
}
