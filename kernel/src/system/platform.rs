//! What the machine gives to services: clocks and randomness.

use core::time::Duration;

use basalt_node::compute::Platform;
use basalt_node::host::Clock;

use crate::{entropy, time};

/// This machine.
#[derive(Clone, Copy, Debug)]
pub struct Kernel;

impl Platform for Kernel {
    fn clock(&self) -> Clock {
        Clock {
            now: super::system_core::now(),
            wall_ms: time::wall_millis(),
        }
    }

    fn random(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            chunk.copy_from_slice(&entropy::seed_bytes()[..chunk.len()]);
        }
    }

    fn sleep(&self, duration: Duration) {
        time::spin(duration);
    }

    fn wake(&self) {
        super::system_core::wake();
    }
}
