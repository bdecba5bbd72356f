//! Work for compute cores: calls of services, and whatever else is too long for the system core.
//!
//! The node makes a [`Job`], which owns all it needs, and hands it to its edge with the number of a
//! compute core ([`crate::machine::Work::Compute`]). The edge runs it there ([`Job::run`]) and
//! brings back what came of it ([`crate::machine::Machine::done`]). No core is ever given a job
//! while it has [`MAX_UNDER_WAY`] that do not wait, so an edge's queues can be that small; the rest
//! stays in the node, up to a limit beyond which calls are refused.
//!
//! A job that waits for something outside gives its core back ([`Pause`]). It does not count then:
//! the node alone counts jobs, and sees by a number that the job itself keeps how many of them
//! wait.
//!
//! An edge without compute cores runs jobs where it stands.

mod pause;
mod platform;
mod queues;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::sync::atomic::AtomicUsize;

pub(crate) use pause::Pauser;
pub use pause::{NoPause, Pause};
pub use platform::Platform;
pub(crate) use queues::Queues;

/// Jobs that a core has at most, beside those that wait for something outside: one that runs and
/// one that is to run next. An answer that makes a job go on may make it one more for a while.
pub const MAX_UNDER_WAY: usize = 2;

/// What an edge offers to services.
#[derive(Clone)]
pub struct Resources {
    /// Clocks, randomness, the outside.
    pub platform: Arc<dyn Platform>,
    /// Compute cores that run jobs; 0: jobs for core 0 run where the edge stands.
    pub cores: usize,
    /// The core that proves each compute unit (64 hex digits): a deal gets the cores of its units.
    pub homes: Vec<(String, usize)>,
}

/// Names a job until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub(crate) u64);

type Work = Box<dyn FnOnce(&Pauser) -> Box<dyn Any + Send> + Send>;

/// Work for a compute core.
pub struct Job {
    id: JobId,
    core: usize,
    work: Work,
    /// Jobs of the core that wait.
    paused: Arc<AtomicUsize>,
}

impl Job {
    /// Work for a core. What it gives comes back as [`Done`].
    pub(crate) fn new<T: Send + 'static>(
        id: JobId,
        core: usize,
        work: impl FnOnce(&Pauser) -> T + Send + 'static,
    ) -> Job {
        Job {
            id,
            core,
            work: Box::new(move |pauser| Box::new(work(pauser))),
            paused: Arc::default(),
        }
    }

    /// The compute core that it is for, from 0 on.
    pub fn core(&self) -> usize {
        self.core
    }

    /// Does the work. It ends by itself: what runs in it has a deadline. By `pause` it waits.
    pub fn run(self, pause: Arc<dyn Pause>) -> Done {
        let pauser = Pauser::new(pause, self.paused);
        Done {
            id: self.id,
            core: self.core,
            value: (self.work)(&pauser),
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({} for core {})", self.id.0, self.core)
    }
}

/// What came of a job.
pub struct Done {
    pub(crate) id: JobId,
    pub(crate) core: usize,
    pub(crate) value: Box<dyn Any + Send>,
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Done({} on core {})", self.id.0, self.core)
    }
}
