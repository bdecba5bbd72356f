//! A thread for the disk: it may wait for as long as the disk takes.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use basalt_node::disk::{DiskDone, DiskJob};
use basalt_node::state::State;
use mio::Waker;

/// The thread that has the state. A machine gives it few jobs at once, so the channels are short.
pub(super) struct Disk {
    jobs: Sender<DiskJob>,
    done: Receiver<DiskDone>,
}

impl Disk {
    /// Starts the thread; it ends with this, after what it was given.
    pub(super) fn start(mut state: State, waker: Arc<Waker>) -> io::Result<Disk> {
        let (jobs, todo) = mpsc::channel::<DiskJob>();
        let (results, done) = mpsc::channel();
        thread::Builder::new().name("disk".into()).spawn(move || {
            for job in todo {
                if results.send(job.run(&mut state)).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        })?;
        Ok(Disk { jobs, done })
    }

    /// Hands a job over.
    pub(super) fn submit(&self, job: DiskJob) {
        // The thread ends early only by a panic: what is not kept then is not promised to anybody.
        if let Err(error) = self.jobs.send(job) {
            log::error!(target: "state", "the disk's thread is gone: {:?} is lost", error.0);
        }
    }

    /// What has come back.
    pub(super) fn take(&self) -> Vec<DiskDone> {
        self.done.try_iter().collect()
    }
}
