//! Jobs that wait give their core back.

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;

use basalt_net::time::Instant;

use super::platform::Platform;

/// How a job gives its core back while it waits for something. The edge makes one for each job.
pub trait Pause: Send + Sync {
    /// Whether the core takes the job back later: no more jobs wait there than may.
    fn has_room(&self) -> bool;

    /// What ends a pause of this job, from any core. Called before the pause it makes that end at
    /// once.
    fn waker(&self) -> Waker;

    /// Gives the core back until the waker is called, at the latest until a time. It may end
    /// earlier; without room it ends at once.
    fn pause(&self, until: Instant);
}

/// The pause of jobs that run where the edge stands: nobody else could do anything meanwhile.
pub struct NoPause;

impl Pause for NoPause {
    fn has_room(&self) -> bool {
        false
    }

    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn pause(&self, _: Instant) {}
}

/// What a running job waits by. While it waits it is not counted among those that its core has.
#[derive(Clone)]
pub(crate) struct Pauser {
    pause: Arc<dyn Pause>,
    /// Jobs of the core that wait.
    paused: Arc<AtomicUsize>,
}

impl fmt::Debug for Pauser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pauser")
    }
}

impl Pauser {
    /// For a job of a core where so many wait.
    pub(crate) fn new(pause: Arc<dyn Pause>, paused: Arc<AtomicUsize>) -> Pauser {
        Pauser { pause, paused }
    }

    /// Whether the job may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.pause.has_room()
    }

    /// What ends a wait.
    pub(crate) fn waker(&self) -> Waker {
        self.pause.waker()
    }

    /// Waits for the waker, at the latest until a time.
    pub(crate) fn pause(&self, platform: &dyn Platform, until: Instant) {
        self.paused.fetch_add(1, Ordering::Relaxed);
        // The node may give the core another job now.
        platform.wake();
        self.pause.pause(until);
        self.paused.fetch_sub(1, Ordering::Relaxed);
    }
}
