//! Work for compute cores: calls of services, and whatever else is too long for the system core.
//!
//! The node makes a [`Job`], which owns all it needs, and hands it to its edge with the number of a compute core
//! ([`crate::machine::Work::Compute`]). The edge runs it there ([`Job::run`]) and brings back what came of it
//! ([`crate::machine::Machine::done`]). No core ever has more than [`MAX_UNDER_WAY`] jobs, so an edge's queues can be
//! that small; the rest waits in the node, up to a limit beyond which calls are refused.
//!
//! An edge without compute cores runs jobs where it stands.

mod platform;
mod queues;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;

pub use platform::Platform;
pub(crate) use queues::Queues;

/// Jobs that a core has at most: one that runs and one that waits for it.
pub const MAX_UNDER_WAY: usize = 2;

/// What an edge offers to services.
#[derive(Clone)]
pub struct Resources {
    /// Clocks, randomness, the outside.
    pub platform: Arc<dyn Platform>,
    /// Compute cores that run jobs; 0: jobs for core 0 run where the edge stands.
    pub cores: usize,
    /// Cores where compute units (64 hex digits) are at home, since they prove there what they are worth: a deal gets
    /// its units' cores.
    pub homes: Vec<(String, usize)>,
}

/// Names a job until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub(crate) u64);

type Work = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// Work that a compute core does in one go.
pub struct Job {
    id: JobId,
    core: usize,
    work: Work,
}

impl Job {
    /// Work for a core. What it gives comes back as [`Done`].
    pub(crate) fn new<T: Send + 'static>(
        id: JobId,
        core: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Job {
        Job {
            id,
            core,
            work: Box::new(move || Box::new(work())),
        }
    }

    /// The compute core that it is for, from 0 on.
    pub fn core(&self) -> usize {
        self.core
    }

    /// Does the work. It ends by itself: what runs in it has a deadline.
    pub fn run(self) -> Done {
        Done {
            id: self.id,
            core: self.core,
            value: (self.work)(),
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
