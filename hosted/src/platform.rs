//! What services get from this process: clocks, randomness.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use basalt_node::compute::Platform;
use basalt_node::host::Clock;
use mio::Waker;

use crate::clock::Clocks;

/// The process as services see it.
pub struct Process {
    /// Its clocks.
    pub clocks: Clocks,
    /// What wakes the node's loop, once there is one.
    pub waker: Arc<OnceLock<Arc<Waker>>>,
}

impl Platform for Process {
    fn clock(&self) -> Clock {
        self.clocks.read()
    }

    fn random(&self, buffer: &mut [u8]) {
        // Services must not run on predictable keys: without entropy there is nothing to go on
        // with.
        getrandom::fill(buffer).expect("the system has entropy");
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            // If the loop cannot be woken it is on its way already.
            let _ = waker.wake();
        }
    }
}
