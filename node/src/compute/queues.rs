//! Jobs and calls of services on their way to the cores: each stands in one queue and is counted
//! once.
//!
//! A core's queue holds the node's own jobs, and each service that is free and has calls waiting,
//! once: so services take turns, however many calls one has. The calls of a service wait in its own
//! line, of which one at a time leaves ([`Queues::release`] lets the next one go).

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Jobs that a core has at most, beside those that wait for something outside: one that runs and
/// one that is to run next. An answer that makes a job go on may make it one more for a while.
pub const MAX_UNDER_WAY: usize = 2;

/// A queue per core, for jobs or calls `C`. All together hold a bounded number of them: what is
/// over it is refused.
pub(crate) struct Queues<C> {
    cores: Vec<Core<C>>,
    services: BTreeMap<String, Line<C>>,
    waiting: usize,
    limit: usize,
}

struct Core<C> {
    ready: VecDeque<Turn<C>>,
    /// Jobs that the edge has. This is the only place where they are counted.
    under_way: usize,
    /// How many of these wait for something outside. The jobs themselves count it.
    paused: Arc<AtomicUsize>,
}

impl<C> Core<C> {
    /// Whether the core has room for a job.
    fn has_room(&self) -> bool {
        let paused = self.paused.load(Ordering::Relaxed);
        self.under_way.saturating_sub(paused) < MAX_UNDER_WAY
    }
}

enum Turn<C> {
    Job(C),
    /// The next call of a service.
    Service(String),
}

/// The calls of one service.
struct Line<C> {
    core: usize,
    waiting: VecDeque<C>,
    /// A call has left and is not over.
    busy: bool,
}

impl<C> Queues<C> {
    /// Queues for `cores` cores, one at least.
    pub(crate) fn new(cores: usize, limit: usize) -> Queues<C> {
        let core = |_| Core {
            ready: VecDeque::new(),
            under_way: 0,
            paused: Arc::default(),
        };
        Queues {
            cores: (0..cores.max(1)).map(core).collect(),
            services: BTreeMap::new(),
            waiting: 0,
            limit,
        }
    }

    /// Number of cores, one at least.
    pub(crate) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// Jobs and calls that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether there is room for another one. What is queued for the node's own sake goes in also
    /// when there is none: it is bounded by what makes it.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting < self.limit
    }

    /// Calls that wait for a service. The first one in the line of a free service does not: it
    /// waits for a core.
    pub(crate) fn waiting_for(&self, service: &str) -> usize {
        let line = self.services.get(service);
        line.map_or(0, |line| match line.busy {
            true => line.waiting.len(),
            false => line.waiting.len().saturating_sub(1),
        })
    }

    /// Queues a job that needs no service, or has one already.
    pub(crate) fn submit(&mut self, core: usize, job: C) {
        let core = core % self.cores.len();
        self.cores[core].ready.push_back(Turn::Job(job));
        self.waiting += 1;
    }

    /// Queues a job before all others: its turn had come before, and it had to wait for the disk.
    pub(crate) fn submit_first(&mut self, core: usize, job: C) {
        let core = core % self.cores.len();
        self.cores[core].ready.push_front(Turn::Job(job));
        self.waiting += 1;
    }

    /// Queues a call of a service, which runs on `core`.
    pub(crate) fn call(&mut self, service: &str, core: usize, call: C) {
        let core = core % self.cores.len();
        let line = self.services.entry(service.to_string());
        let line = line.or_insert_with(|| Line {
            core,
            waiting: VecDeque::new(),
            busy: false,
        });
        line.waiting.push_back(call);
        self.waiting += 1;
        if !line.busy && line.waiting.len() == 1 {
            let turn = Turn::Service(service.to_string());
            self.cores[line.core].ready.push_back(turn);
        }
    }

    /// The next job or call for a core with room for it, and that core.
    pub(crate) fn next(&mut self) -> Option<(usize, C)> {
        for (index, core) in self.cores.iter_mut().enumerate() {
            if !core.has_room() {
                continue;
            }
            while let Some(turn) = core.ready.pop_front() {
                let next = match turn {
                    Turn::Job(job) => Some(job),
                    Turn::Service(service) => match self.services.get_mut(&service) {
                        Some(line) => {
                            line.busy = true;
                            line.waiting.pop_front()
                        }
                        // Removed while it waited for its turn.
                        None => None,
                    },
                };
                if let Some(next) = next {
                    core.under_way += 1;
                    self.waiting -= 1;
                    return Some((index, next));
                }
            }
        }
        None
    }

    /// Where the jobs of a core count themselves while they wait.
    pub(crate) fn paused(&self, core: usize) -> Arc<AtomicUsize> {
        let core = self.cores.get(core);
        core.map_or_else(Arc::default, |core| core.paused.clone())
    }

    /// A core has finished a job, or did not get the one that was taken for it.
    pub(crate) fn finished(&mut self, core: usize) {
        if let Some(core) = self.cores.get_mut(core) {
            core.under_way = core.under_way.saturating_sub(1);
        }
    }

    /// The call of a service that left last is over: the next one may leave.
    pub(crate) fn release(&mut self, service: &str) {
        let Some(line) = self.services.get_mut(service) else {
            return;
        };
        line.busy = false;
        match line.waiting.is_empty() {
            true => drop(self.services.remove(service)),
            false => {
                let turn = Turn::Service(service.to_string());
                self.cores[line.core].ready.push_back(turn);
            }
        }
    }

    /// Forgets a service; gives the calls that wait for it.
    pub(crate) fn remove(&mut self, service: &str) -> VecDeque<C> {
        let line = self.services.remove(service);
        let calls = line.map_or_else(VecDeque::new, |line| line.waiting);
        self.waiting -= calls.len();
        calls
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;

    use basalt_net::time::Instant;

    use super::*;
    use crate::clock::Clock;
    use crate::compute::job::{Job, JobId, Receipt};
    use crate::compute::pause::{NoPause, Pause, Pauser};
    use crate::compute::platform::Platform;

    fn run(queues: &mut Queues<u64>) -> Vec<u64> {
        core::iter::from_fn(|| queues.next())
            .map(|(_, job)| job)
            .collect()
    }

    #[test]
    fn a_core_gets_its_jobs_in_order_and_few_at_once() {
        let mut queues = Queues::new(2, 5);
        for number in 0..4 {
            queues.submit(0, number);
        }
        queues.submit(1, 9);
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
    fn a_service_has_one_call_at_a_time_and_others_go_on() {
        let mut queues = Queues::new(1, 9);
        for number in 0..3 {
            queues.call("a", 0, number);
        }
        queues.call("b", 0, 10);
        assert_eq!(queues.waiting_for("a"), 2);
        assert_eq!(run(&mut queues), [0, 10]);
        assert_eq!(queues.waiting_for("a"), 2);
        queues.finished(0);
        queues.finished(0);
        assert!(run(&mut queues).is_empty());
        queues.call("b", 0, 11);
        queues.release("a");
        queues.release("b");
        assert_eq!(run(&mut queues), [1, 11]);
    }

    #[test]
    fn a_service_that_is_removed_gives_its_calls_back() {
        let mut queues = Queues::new(1, 9);
        queues.call("a", 0, 0);
        queues.call("a", 0, 1);
        queues.call("b", 0, 2);
        assert_eq!(queues.remove("a"), [0, 1]);
        assert_eq!(queues.waiting(), 1);
        assert_eq!(run(&mut queues), [2]);
        queues.submit_first(0, 3);
        assert_eq!(run(&mut queues), [3]);
    }

    #[test]
    fn without_cores_there_is_one_queue() {
        let mut queues = Queues::new(0, 1);
        queues.submit(3, 1);
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

    type Jobs = Queues<(Job, Receipt<u64>)>;

    fn work(queues: &mut Jobs, pause: &Arc<dyn Pause>) -> Vec<u64> {
        let mut done = Vec::new();
        while let Some((core, (mut job, receipt))) = queues.next() {
            job.counts_in(queues.paused(core));
            job.run(pause.clone());
            done.extend(receipt.take());
        }
        done
    }

    /// Looks at the queues while its job waits.
    struct Look(spin::Mutex<(Jobs, Vec<u64>)>);

    impl Pause for Look {
        fn has_room(&self) -> bool {
            true
        }
        fn waker(&self) -> Waker {
            Waker::noop().clone()
        }
        fn pause(&self, _: Instant) {
            let (queues, ran) = &mut *self.0.lock();
            let pause: Arc<dyn Pause> = Arc::new(NoPause);
            ran.extend(work(queues, &pause));
        }
    }

    #[test]
    fn a_job_that_waits_keeps_no_other_from_its_core() {
        let mut queues = Jobs::new(1, 9);
        let waits = |pauser: &Pauser| {
            pauser.pause(&Still, Instant::ZERO);
            1
        };
        queues.submit(0, Job::new(JobId(1), 0, waits));
        for number in 2..5 {
            queues.submit(0, Job::new(JobId(number), 0, move |_: &Pauser| number));
        }
        let (core, (mut first, _)) = queues.next().unwrap();
        first.counts_in(queues.paused(core));
        let look = Arc::new(Look(spin::Mutex::new((queues, Vec::new()))));
        first.run(look.clone());
        let (queues, ran) = &mut *look.0.lock();
        assert_eq!(*ran, [2, 3]);
        // It goes on: with the two others there is no room.
        let pause: Arc<dyn Pause> = Arc::new(NoPause);
        queues.finished(0);
        assert!(work(queues, &pause).is_empty());
        queues.finished(0);
        assert_eq!(work(queues, &pause), [4]);
    }
}
