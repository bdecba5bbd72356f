//! Which trials run beside each other.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a trial keeps busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Processes of this host: clients, scripts and timers, which mostly wait for each other.
    Waiting,
    /// An emulated machine, or a prover: all of this host that there is.
    Computing,
}

/// One trial of each lane at a time. Trials of a lane run in the order of the plan: the semaphore
/// serves first who came first.
#[derive(Clone)]
pub(crate) struct Lanes {
    waiting: Arc<Semaphore>,
    computing: Arc<Semaphore>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(1)),
            computing: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Lanes {
    /// A single lane for all.
    pub(crate) fn one() -> Self {
        let only = Arc::new(Semaphore::new(1));
        Self {
            waiting: only.clone(),
            computing: only,
        }
    }

    /// Waits until it is the caller's turn; the turn ends when the result is dropped.
    pub(crate) async fn turn(&self, lane: Lane) -> OwnedSemaphorePermit {
        let semaphore = match lane {
            Lane::Waiting => &self.waiting,
            Lane::Computing => &self.computing,
        };
        semaphore
            .clone()
            .acquire_owned()
            .await
            .expect("it is never closed")
    }
}
