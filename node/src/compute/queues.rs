//! Jobs on their way to the cores.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Job, MAX_UNDER_WAY};

/// A queue per core. All together hold a bounded number of jobs: what is over it is refused.
#[derive(Default)]
pub(crate) struct Queues {
    cores: Vec<Queue>,
    waiting: usize,
    limit: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    under_way: usize,
}

impl Queues {
    /// Queues for `cores` cores, one at least.
    pub(crate) fn new(cores: usize, limit: usize) -> Queues {
        Queues {
            cores: (0..cores.max(1)).map(|_| Queue::default()).collect(),
            waiting: 0,
            limit,
        }
    }

    /// Number of cores, one at least.
    pub(crate) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// Jobs that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether there is room for a job.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting < self.limit
    }

    /// Takes a job. Jobs of the node's own go in also when there is no room: they are bounded by what makes them.
    pub(crate) fn submit(&mut self, job: Job) {
        let core = job.core() % self.cores.len();
        self.cores[core].waiting.push_back(job);
        self.waiting += 1;
    }

    /// A core has finished a job.
    pub(crate) fn finished(&mut self, core: usize) {
        if let Some(queue) = self.cores.get_mut(core) {
            queue.under_way = queue.under_way.saturating_sub(1);
        }
    }

    /// The next job for a core with room for it.
    pub(crate) fn next(&mut self) -> Option<Job> {
        let queue = self
            .cores
            .iter_mut()
            .find(|queue| queue.under_way < MAX_UNDER_WAY && !queue.waiting.is_empty())?;
        queue.under_way += 1;
        self.waiting -= 1;
        queue.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::JobId;

    fn job(number: u64, core: usize) -> Job {
        Job::new(JobId(number), core, move || number)
    }

    fn run(queues: &mut Queues) -> Vec<u64> {
        core::iter::from_fn(|| queues.next())
            .map(|job| *job.run().value.downcast::<u64>().unwrap())
            .collect()
    }

    #[test]
    fn a_core_gets_its_jobs_in_order_and_few_at_once() {
        let mut queues = Queues::new(2, 5);
        for number in 0..4 {
            queues.submit(job(number, 0));
        }
        queues.submit(job(9, 1));
        assert!(!queues.has_room());
        assert_eq!(run(&mut queues), [0, 1, 9]);
        assert!(queues.has_room());
        assert_eq!(queues.waiting(), 2);
        queues.finished(0);
        assert_eq!(run(&mut queues), [2]);
        queues.finished(0);
        queues.finished(0);
        assert_eq!(run(&mut queues), [3]);
    }

    #[test]
    fn without_cores_there_is_one_queue() {
        let mut queues = Queues::new(0, 1);
        queues.submit(job(1, 3));
        assert_eq!(run(&mut queues), [1]);
    }
}
