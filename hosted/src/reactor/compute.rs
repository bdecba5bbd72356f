//! Threads in place of compute cores.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use basalt_node::compute::{Done, Job};
use mio::Waker;

/// One thread per compute core. A machine never gives a core more than a few jobs at once, so the channels are short.
pub(super) struct Cores {
    threads: Vec<Sender<Job>>,
    done: (Sender<Done>, Receiver<Done>),
    waker: Arc<Waker>,
}

impl Cores {
    pub(super) fn new(waker: Arc<Waker>) -> Cores {
        let (sender, receiver) = mpsc::channel();
        Cores {
            threads: Vec::new(),
            done: (sender, receiver),
            waker,
        }
    }

    /// Starts threads; they end with this.
    pub(super) fn start(&mut self, count: usize) -> io::Result<()> {
        for core in self.threads.len()..count {
            let (sender, jobs) = mpsc::channel::<Job>();
            let (done, waker) = (self.done.0.clone(), self.waker.clone());
            thread::Builder::new()
                .name(format!("compute {core}"))
                .stack_size(STACK)
                .spawn(move || {
                    for job in jobs {
                        if done.send(job.run()).is_err() || waker.wake().is_err() {
                            return;
                        }
                    }
                })?;
            self.threads.push(sender);
        }
        Ok(())
    }

    /// Hands a job to its core's thread; gives it back when there are no threads.
    pub(super) fn submit(&self, core: usize, job: Job) -> Option<Job> {
        match self.threads.get(core) {
            // A thread ends only with this, or by a panic: then the job runs here, where the panic shows.
            Some(thread) => thread.send(job).err().map(|error| error.0),
            None => Some(job),
        }
    }

    /// What has come back.
    pub(super) fn take(&self) -> Vec<Done> {
        self.done.1.try_iter().collect()
    }
}

/// Stack of a compute thread, in bytes: as much as a compute core of the appliance gives to guests that call each other.
const STACK: usize = 8 << 20;
