//! Disk jobs on their way to the edge.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::job::{DiskDone, DiskJob, DiskOutcome, StoreStatus, Wanted};
use crate::compute::JobId;
use crate::state::{Batch, State};

/// Disk jobs that an edge holds at most: one that runs and one that waits for it.
pub const MAX_UNDER_WAY: usize = 2;

/// The node's queue of disk jobs, and what it knows of the store.
#[derive(Default)]
pub(crate) struct Disk {
    waiting: VecDeque<DiskJob>,
    under_way: usize,
    limit: usize,
    /// Whether there is a store at all.
    exists: bool,
    /// Whether the store may have housekeeping to do: after it was opened and after each commit.
    untidy: bool,
    status: Option<StoreStatus>,
}

impl Disk {
    /// A queue for a store, or for none; it holds `limit` jobs before it refuses.
    pub(crate) fn new(state: Option<&State>, limit: usize) -> Disk {
        Disk {
            exists: state.is_some(),
            untidy: state.is_some(),
            status: state.map(StoreStatus::of),
            limit,
            ..Disk::default()
        }
    }

    /// Whether there is a store.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    /// How the store was when its last job was done.
    pub(crate) fn status(&self) -> Option<&StoreStatus> {
        self.status.as_ref()
    }

    /// Jobs that wait for the edge.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether there is room for what a script asks to be read. What follows from a job that was
    /// let in goes in also when there is none: it is bounded by that job. Changes wait for each
    /// other before they come here, and are bounded there.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.limit
    }

    /// Queues changes.
    pub(crate) fn commit(&mut self, id: JobId, changes: Batch) {
        self.waiting.push_back(DiskJob::commit(id, changes));
    }

    /// Queues a read.
    pub(crate) fn read(&mut self, id: JobId, wanted: Vec<Wanted>) {
        self.waiting.push_back(DiskJob::read(id, wanted));
    }

    /// Queues a step of housekeeping when the disk has nothing else to do; true when it did. While
    /// the step is under way there is nothing to come back for: its end calls.
    pub(crate) fn maintain(&mut self, id: impl FnOnce() -> JobId) -> bool {
        let idle = self.waiting.is_empty() && self.under_way == 0;
        let begins = self.exists && self.untidy && idle;
        if begins {
            // A commit that comes in meanwhile sets it again.
            self.untidy = false;
            self.waiting.push_back(DiskJob::maintain(id()));
        }
        begins
    }

    /// The next job for the edge.
    pub(crate) fn next(&mut self) -> Option<DiskJob> {
        if self.under_way >= MAX_UNDER_WAY {
            return None;
        }
        let job = self.waiting.pop_front()?;
        self.under_way += 1;
        Some(job)
    }

    /// Takes a job back. What came of it is given on unless it was housekeeping.
    pub(crate) fn done(&mut self, done: DiskDone) -> Option<(JobId, DiskOutcome)> {
        self.under_way = self.under_way.saturating_sub(1);
        if done.store.is_some() {
            self.status = done.store;
        }
        match done.outcome {
            DiskOutcome::Maintained(more) => {
                self.untidy |= more.unwrap_or_else(|error| {
                    log::error!(target: "state", "{error}");
                    false
                });
                None
            }
            outcome => {
                self.untidy |= matches!(outcome, DiskOutcome::Committed(_));
                Some((done.id, outcome))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Namespace;
    use alloc::vec;
    use basalt_store::Memory;

    fn state() -> State {
        State::open(Memory::new(512, 1 << 20), [1; 16]).unwrap().0
    }

    #[test]
    fn jobs_leave_in_order_and_few_at_once() {
        let mut state = state();
        let mut disk = Disk::new(Some(&state), 3);
        for n in 0..3u8 {
            let mut changes = Batch::new();
            changes.put(Namespace::System, "key", [n]);
            disk.commit(JobId(n.into()), changes);
        }
        assert!(!disk.has_room());
        let (first, second) = (disk.next().unwrap(), disk.next().unwrap());
        assert!(disk.next().is_none() && disk.has_room());
        for (n, job) in [first, second].into_iter().enumerate() {
            let (id, outcome) = disk.done(job.run(&mut state)).unwrap();
            assert_eq!(id, JobId(n as u64));
            assert!(matches!(outcome, DiskOutcome::Committed(Ok(()))));
        }
        disk.read(
            JobId(9),
            vec![Wanted::One(Namespace::System, b"key".to_vec())],
        );
        let third = disk.next().unwrap();
        disk.done(third.run(&mut state)).unwrap();
        let read = disk.next().unwrap();
        let (_, outcome) = disk.done(read.run(&mut state)).unwrap();
        let DiskOutcome::Read(Ok(records)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(records, [[(b"key".to_vec(), vec![2])]]);
        assert_eq!(disk.status().unwrap().store.batches, state.status().batches);
    }

    #[test]
    fn housekeeping_waits_until_nothing_else_does() {
        let mut state = state();
        let mut disk = Disk::new(Some(&state), 3);
        disk.commit(JobId(1), Batch::new());
        assert!(!disk.maintain(|| JobId(2)));
        let commit = disk.next().unwrap();
        assert!(disk.next().is_none());
        disk.done(commit.run(&mut state)).unwrap();
        while disk.maintain(|| JobId(3)) {
            let step = disk.next().unwrap();
            assert!(disk.done(step.run(&mut state)).is_none());
        }
        assert!(disk.next().is_none());
    }

    #[test]
    fn without_a_store_nothing_is_kept_or_found() {
        let mut disk = Disk::new(None, 3);
        assert!(!disk.maintain(|| JobId(1)));
        disk.read(JobId(1), vec![Wanted::Prefix(Namespace::Files, Vec::new())]);
        let done = disk.next().unwrap().run_without_disk();
        let (_, outcome) = disk.done(done).unwrap();
        assert!(matches!(outcome, DiskOutcome::Read(Ok(found)) if found == [[]]));
    }
}
