//! The loop of one compute core.
//!
//! A core runs one job at a time. A job that waits, since its guest waits for the answer to an HTTP
//! request, gives the core back: others run meanwhile, and it goes on when its answer is there or
//! its time is up. The edge calls [`Core::turn`] until that has nothing to do, then sleeps until
//! the next job, until it is woken, or until [`Core::wake_at`].

use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_net::time::Instant;
use basalt_node::compute::{Done, Job};

use crate::coroutines::{Coroutines, Progress, Stack};

/// Jobs that may wait on a core, so that each has one stack more than this. Against guests that all
/// ask servers that say nothing: beyond it requests are refused and counted.
pub const MAX_WAITING: usize = 4;

/// Stacks of a core.
pub const STACKS: usize = MAX_WAITING + 1;

/// One compute core.
pub struct Core<S: Stack + 'static> {
    jobs: Coroutines<S, Done>,
}

impl<S: Stack> Core<S> {
    /// A core whose jobs run on these stacks, [`STACKS`] of them, two at least if jobs are to wait.
    /// `wake` wakes the core from any other.
    pub fn new(stacks: Vec<S>, wake: impl Fn() + Send + Sync + 'static) -> Core<S> {
        Core {
            // One that waits leaves a stack for the next job.
            jobs: Coroutines::new(stacks, 1, wake),
        }
    }

    /// Goes on with a job whose answer is there or whose time is up, else begins the next one.
    pub fn turn(&mut self, now: Instant, next: impl FnOnce() -> Option<Job>) -> Progress<Done> {
        match self.jobs.resume(now) {
            Progress::Idle if self.jobs.has_room() => match next() {
                Some(job) => self
                    .jobs
                    .start(move |handle| job.run(Arc::new(handle.clone()))),
                None => Progress::Idle,
            },
            progress => progress,
        }
    }

    /// When the time of a waiting job is up.
    pub fn wake_at(&self) -> Option<Instant> {
        self.jobs.wake_at()
    }

    /// Number of jobs that wait.
    pub fn waiting(&self) -> usize {
        self.jobs.paused()
    }
}
