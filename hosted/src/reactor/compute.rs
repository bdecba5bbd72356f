//! Threads in place of compute cores.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, Thread};

use basalt_edge::cores::{Core, STACKS};
use basalt_edge::coroutines::{DefaultStack, Progress};
use basalt_node::compute::{Done, Job};
use mio::Waker;

use crate::clock::Clocks;

/// One thread per compute core. A machine never gives a core more than a few jobs at once, so the
/// channels are short.
pub(super) struct Cores {
    threads: Vec<(Sender<Job>, Thread)>,
    done: (Sender<Done>, Receiver<Done>),
    waker: Arc<Waker>,
    clocks: Clocks,
}

/// What a thread has at hand.
struct Station {
    jobs: Receiver<Job>,
    done: Sender<Done>,
    waker: Arc<Waker>,
    clocks: Clocks,
}

impl Cores {
    pub(super) fn new(waker: Arc<Waker>, clocks: Clocks) -> Cores {
        Cores {
            threads: Vec::new(),
            done: mpsc::channel(),
            waker,
            clocks,
        }
    }

    /// Starts threads; they end with this.
    pub(super) fn start(&mut self, count: usize) -> io::Result<()> {
        for core in self.threads.len()..count {
            let (sender, jobs) = mpsc::channel();
            let station = Station {
                jobs,
                done: self.done.0.clone(),
                waker: self.waker.clone(),
                clocks: self.clocks,
            };
            let stacks = (0..STACKS).map(|_| DefaultStack::new(STACK));
            let stacks = stacks.collect::<io::Result<Vec<_>>>()?;
            let thread = thread::Builder::new()
                .name(format!("compute {core}"))
                .spawn(move || station.run(stacks))?;
            self.threads.push((sender, thread.thread().clone()));
        }
        Ok(())
    }

    /// Hands a job to its core's thread; gives it back when there are no threads.
    pub(super) fn submit(&self, core: usize, job: Job) -> Option<Job> {
        let Some((sender, thread)) = self.threads.get(core) else {
            return Some(job);
        };
        // A thread ends only with this, or by a panic: then the job runs here, where the panic
        // shows.
        let refused = sender.send(job).err().map(|error| error.0);
        thread.unpark();
        refused
    }

    /// What has come back.
    pub(super) fn take(&self) -> Vec<Done> {
        self.done.1.try_iter().collect()
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        for (sender, thread) in self.threads.drain(..) {
            drop(sender);
            thread.unpark();
        }
    }
}

impl Station {
    /// The loop of a thread. Jobs that still wait when it ends are dropped, with all that is on
    /// their stacks.
    fn run(self, stacks: Vec<DefaultStack>) {
        let thread = thread::current();
        let mut core = Core::new(stacks, move || thread.unpark());
        let mut ended = false;
        while !ended {
            let next = || match self.jobs.try_recv() {
                Ok(job) => Some(job),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    ended = true;
                    None
                }
            };
            match core.turn(self.clocks.now(), next) {
                Progress::Done(done) => {
                    if self.done.send(done).is_err() || self.waker.wake().is_err() {
                        return;
                    }
                }
                Progress::Paused => {}
                // Whatever came since the look has unparked the thread: it does not sleep then.
                Progress::Idle if ended => {}
                Progress::Idle => match core.wake_at() {
                    Some(at) => thread::park_timeout(at.since(self.clocks.now())),
                    None => thread::park(),
                },
            }
        }
    }
}

/// Stack of a job, in bytes: as much as a compute core of the appliance gives to guests that call
/// each other.
const STACK: usize = 8 << 20;
