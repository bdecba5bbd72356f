//! A job, and what comes of it.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::sync::atomic::AtomicUsize;

use spin::Mutex;

use super::pause::{Pause, Pauser};

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

type Work = Box<dyn FnOnce(&Pauser) + Send>;

/// Work for a compute core.
pub struct Job {
    id: JobId,
    core: usize,
    work: Work,
    /// Jobs of the core that wait.
    paused: Arc<AtomicUsize>,
}

impl Job {
    /// Work for a core, and the receipt for what it gives.
    pub(crate) fn new<T: Send + 'static>(
        id: JobId,
        core: usize,
        work: impl FnOnce(&Pauser) -> T + Send + 'static,
    ) -> (Job, Receipt<T>) {
        let (slip, receipt) = receipt();
        let job = Job {
            id,
            core,
            work: Box::new(move |pauser| slip.leave(work(pauser))),
            paused: Arc::default(),
        };
        (job, receipt)
    }

    /// The job counts among these while it waits.
    pub(crate) fn counts_in(&mut self, paused: Arc<AtomicUsize>) {
        self.paused = paused;
    }

    /// The compute core that it is for, from 0 on.
    pub fn core(&self) -> usize {
        self.core
    }

    /// Does the work. It ends by itself: what runs in it has a deadline. By `pause` it waits.
    pub fn run(self, pause: Arc<dyn Pause>) -> Done {
        let pauser = Pauser::new(pause, self.paused);
        (self.work)(&pauser);
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
