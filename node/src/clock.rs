//! Both clocks of a machine.

use basalt_net::time::Instant;

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Monotonic time.
    pub now: Instant,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: u64,
}
