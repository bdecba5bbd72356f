//! A job of the disk, and what comes of it.

use alloc::vec::Vec;
use core::fmt;

use basalt_store::Status;

use crate::compute::JobId;
use crate::state::{Batch, Error, Namespace, Record, State};

/// Records to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The record under a key, if there is one.
    One(Namespace, Vec<u8>),
    /// All records whose keys begin with a prefix, in order of their keys.
    Prefix(Namespace, Vec<u8>),
}

#[derive(Debug)]
enum Work {
    Commit(Batch),
    Read(Vec<Wanted>),
    Maintain,
}

/// One piece of work for the disk.
pub struct DiskJob {
    id: JobId,
    work: Work,
}

impl DiskJob {
    /// Makes changes, all or none.
    pub(crate) fn commit(id: JobId, changes: Batch) -> DiskJob {
        let work = Work::Commit(changes);
        DiskJob { id, work }
    }

    /// Reads records.
    pub(crate) fn read(id: JobId, wanted: Vec<Wanted>) -> DiskJob {
        let work = Work::Read(wanted);
        DiskJob { id, work }
    }

    /// Does one bounded step of the store's housekeeping.
    pub(crate) fn maintain(id: JobId) -> DiskJob {
        let work = Work::Maintain;
        DiskJob { id, work }
    }

    /// Does the work. This may take as long as the disk takes: a device that does not answer holds
    /// it up to the driver's own time limit.
    pub fn run(self, state: &mut State) -> DiskDone {
        let outcome = match self.work {
            Work::Commit(changes) => DiskOutcome::Committed(state.commit(changes)),
            Work::Read(wanted) => DiskOutcome::Read(read(state, wanted)),
            Work::Maintain => DiskOutcome::Maintained(state.maintain()),
        };
        DiskDone {
            id: self.id,
            outcome,
            store: Some(StoreStatus::of(state)),
        }
    }

    /// The result on a node without a disk: nothing is kept and there is nothing to read.
    pub(crate) fn run_without_disk(self) -> DiskDone {
        let outcome = match self.work {
            Work::Commit(_) => DiskOutcome::Committed(Ok(())),
            Work::Read(wanted) => {
                DiskOutcome::Read(Ok(wanted.iter().map(|_| Vec::new()).collect()))
            }
            Work::Maintain => DiskOutcome::Maintained(Ok(false)),
        };
        DiskDone {
            id: self.id,
            outcome,
            store: None,
        }
    }
}

impl fmt::Debug for DiskJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.work {
            Work::Commit(_) => "commit",
            Work::Read(_) => "read",
            Work::Maintain => "maintain",
        };
        write!(f, "DiskJob({kind}, {:?})", self.id)
    }
}

/// The records of each of these, in their order.
fn read(state: &mut State, wanted: Vec<Wanted>) -> Result<Vec<Vec<Record>>, Error> {
    let one = |wanted| match wanted {
        Wanted::One(room, key) => {
            let value = state.get(room, &key)?;
            Ok(value
                .into_iter()
                .map(|value| (key.clone(), value))
                .collect())
        }
        Wanted::Prefix(room, prefix) => state.records(room, &prefix),
    };
    wanted.into_iter().map(one).collect()
}

/// What a disk job gave.
#[derive(Debug)]
pub(crate) enum DiskOutcome {
    /// The changes survive a power cut from now on, or none of them was made.
    Committed(Result<(), Error>),
    /// The records of each thing that was wanted.
    Read(Result<Vec<Vec<Record>>, Error>),
    /// Whether there is more housekeeping to do.
    Maintained(Result<bool, Error>),
}

/// The result of a disk job, on its way back to the node.
#[derive(Debug)]
pub struct DiskDone {
    pub(crate) id: JobId,
    pub(crate) outcome: DiskOutcome,
    pub(crate) store: Option<StoreStatus>,
}

/// What the operator's pages tell of the store.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// How the store is.
    pub store: Status,
    /// How often the disk failed and the store was opened again.
    pub reopened: u64,
}

impl StoreStatus {
    /// The status of a state as it is now.
    pub fn of(state: &State) -> StoreStatus {
        StoreStatus {
            store: state.status(),
            reopened: state.reopened(),
        }
    }
}
