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
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use spin::Mutex;

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

/// Gives out job ids. Clones count together, so that no two jobs have the same id.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobIds(Rc<Cell<u64>>);

impl JobIds {
    /// An id that no job had before.
    pub(crate) fn next(&self) -> JobId {
        self.0.set(self.0.get() + 1);
        JobId(self.0.get())
    }
}

/// What a job gives, to be taken when it is done.
pub(crate) struct Receipt<T>(Arc<Mutex<Option<T>>>);

/// Where a job leaves it.
pub(crate) struct Slip<T>(Arc<Mutex<Option<T>>>);

/// A slip for a job, and the receipt for who waits for it.
pub(crate) fn receipt<T>() -> (Slip<T>, Receipt<T>) {
    let shared = Arc::new(Mutex::new(None));
    (Slip(shared.clone()), Receipt(shared))
}

impl<T> Slip<T> {
    pub(crate) fn leave(self, value: T) {
        *self.0.lock() = Some(value);
    }
}

impl<T> Receipt<T> {
    /// What the job left; `None`: it was dropped, or ended without a value.
    pub(crate) fn take(self) -> Option<T> {
        self.0.lock().take()
    }
}

impl<T> fmt::Debug for Receipt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// Work that a compute core does in one go.
pub struct Job {
    id: JobId,
    core: usize,
    work: Work,
}

impl Job {
    /// Work for a core, and the receipt for what it gives.
    pub(crate) fn new<T: Send + 'static>(
        id: JobId,
        core: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> (Job, Receipt<T>) {
        let (slip, receipt) = receipt();
        let work = Box::new(move || slip.leave(work()));
        (Job { id, core, work }, receipt)
    }

    /// The compute core that it is for, from 0 on.
    pub fn core(&self) -> usize {
        self.core
    }

    /// Does the work. It ends by itself: what runs in it has a deadline.
    pub fn run(self) -> Done {
        (self.work)();
        Done {
            id: self.id,
            core: self.core,
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({} for core {})", self.id.0, self.core)
    }
}

/// Says that a job is done; what it gave lies with who waits for it.
#[derive(Debug)]
pub struct Done {
    pub(crate) id: JobId,
    pub(crate) core: usize,
}
