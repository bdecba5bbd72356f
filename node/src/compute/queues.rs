//! Jobs on their way to the cores.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

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
    /// How many of those under way wait for something outside. The jobs themselves count it.
    paused: Arc<AtomicUsize>,
}

impl Queue {
    /// Whether the core has room for a job.
    fn has_room(&self) -> bool {
        let paused = self.paused.load(Ordering::Relaxed);
        self.under_way.saturating_sub(paused) < MAX_UNDER_WAY
    }
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

    /// Takes a job. Jobs of the node's own go in also when there is no room: they are bounded by
    /// what makes them.
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
            .find(|queue| !queue.waiting.is_empty() && queue.has_room())?;
        let mut job = queue.waiting.pop_front()?;
        job.paused = queue.paused.clone();
        queue.under_way += 1;
        self.waiting -= 1;
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;

    use basalt_net::time::Instant;

    use super::*;
    use crate::compute::{JobId, NoPause, Pause, Pauser, Platform};
    use crate::host::Clock;

    fn job(number: u64, core: usize) -> Job {
        Job::new(JobId(number), core, move |_| number)
    }

    fn run(queues: &mut Queues) -> Vec<u64> {
        core::iter::from_fn(|| queues.next())
            .map(|job| *job.run(Arc::new(NoPause)).value.downcast::<u64>().unwrap())
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

    struct Still;

    impl Platform for Still {
        fn clock(&self) -> Clock {
            Clock {
                now: Instant::ZERO,
                wall_ms: 0,
            }
        }
        fn random(&self, _: &mut [u8]) {}
    }

    /// Looks at the queues while its job waits.
    struct Look(spin::Mutex<(Queues, Vec<u64>)>);

    impl Pause for Look {
        fn has_room(&self) -> bool {
            true
        }
        fn waker(&self) -> Waker {
            Waker::noop().clone()
        }
        fn pause(&self, _: Instant) {
            let (queues, ran) = &mut *self.0.lock();
            ran.extend(run(queues));
        }
    }

    #[test]
    fn a_job_that_waits_keeps_no_other_from_its_core() {
        let mut queues = Queues::new(1, 9);
        let waits = |pauser: &Pauser| pauser.pause(&Still, Instant::ZERO);
        queues.submit(Job::new(JobId(1), 0, waits));
        for number in 2..5 {
            queues.submit(job(number, 0));
        }
        let first = queues.next().unwrap();
        let look = Arc::new(Look(spin::Mutex::new((queues, Vec::new()))));
        first.run(look.clone());
        let (queues, ran) = &mut *look.0.lock();
        assert_eq!(*ran, [2, 3]);
        // It goes on: with the two others there is no room.
        queues.finished(0);
        assert_eq!(run(queues), []);
        queues.finished(0);
        assert_eq!(run(queues), [4]);
    }
}
