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

mod job;
mod pause;
mod platform;
mod queues;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use job::{Done, Job, JobId};
pub(crate) use job::{JobIds, Receipt, receipt};
pub(crate) use pause::Pauser;
pub use pause::{NoPause, Pause};
pub use platform::Platform;
pub use queues::MAX_UNDER_WAY;
pub(crate) use queues::Queues;

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
