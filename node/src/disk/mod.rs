//! Jobs for the disk: commits, reads and housekeeping of the store, outside the node's own loop.
//!
//! The node never waits for the disk. What it has to keep or to read becomes a [`DiskJob`]; what
//! depends on it (a call's answer, a new service, a transaction that is to be sent) waits for its
//! [`DiskDone`] like for the result of a compute job, while everything else goes on.
//!
//! An edge has two ways to run these jobs:
//!
//! * It leaves the [`crate::state::State`] with the peer, which then runs each job where it stands.
//!   That is what a peer does by default.
//! * It takes the state ([`crate::peer::Peer::take_state`]). From then on every job comes to it as
//!   [`crate::machine::Work::Disk`]. It runs the jobs one after another, in the order in which
//!   they came ([`DiskJob::run`]), on a thread or a core of its own, and brings each result back
//!   with [`crate::machine::Machine::disk_done`].
//!
//! The order matters: a later job may overwrite what an earlier one wrote. At most
//! [`MAX_UNDER_WAY`] jobs are given out at once, so an edge's queue can be that small.

mod job;
mod queue;

pub use job::{DiskDone, DiskJob, StoreStatus};
pub(crate) use job::{DiskOutcome, Wanted};
pub(crate) use queue::Disk;
pub use queue::MAX_UNDER_WAY;
