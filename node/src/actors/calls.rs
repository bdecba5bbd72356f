//! Calls whose results are not there yet.

use alloc::collections::BTreeMap;

use super::actor::CallId;
use super::timers::Timers;
use crate::compute::JobId;

/// What calls wait for: a time, a job, a connection.
#[derive(Default)]
pub(super) struct OpenCalls {
    pub(super) timers: Timers,
    jobs: BTreeMap<JobId, CallId>,
    /// Calls of `peer.connect` under way. The peer above knows which.
    connects: usize,
}

impl OpenCalls {
    /// A call waits for a job.
    pub(super) fn wait_for_job(&mut self, job: JobId, call: CallId) {
        self.jobs.insert(job, call);
    }

    /// A job is done: the call that waits for it, if one does.
    pub(super) fn job_done(&mut self, job: JobId) -> Option<CallId> {
        self.jobs.remove(&job)
    }

    /// A call begins to wait for a connection, unless `limit` do already.
    #[must_use]
    pub(super) fn begin_connect(&mut self, limit: usize) -> bool {
        let has_room = self.connects < limit;
        self.connects += usize::from(has_room);
        has_room
    }

    /// A connection that a call waits for is there, or failed.
    pub(super) fn end_connect(&mut self) {
        self.connects = self.connects.saturating_sub(1);
    }
}
