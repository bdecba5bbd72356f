//! What a machine gives to services.

use core::time::Duration;

use crate::clock::Clock;

/// Clocks and randomness, from any compute core.
pub trait Platform: Send + Sync {
    /// Both clocks: the monotonic one is the node's, for deadlines are in it.
    fn clock(&self) -> Clock;

    /// Fills a buffer from a cryptographic generator.
    fn random(&self, buffer: &mut [u8]);

    /// Waits. A machine whose cores must not wait may return at once, which is what it does by
    /// default.
    fn sleep(&self, _duration: Duration) {}

    /// Lets the node look what its compute cores want of it. A machine whose node looks often
    /// enough may do nothing.
    fn wake(&self) {}
}
