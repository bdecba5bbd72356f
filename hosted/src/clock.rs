//! The clocks of the process.

use std::time::{SystemTime, UNIX_EPOCH};

use basalt_net::time::Instant;
use basalt_node::host::Clock;

/// Monotonic time since the process started, and the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    start: std::time::Instant,
}

impl Clocks {
    /// Clocks whose monotonic time starts now.
    pub fn start() -> Clocks {
        Clocks {
            start: std::time::Instant::now(),
        }
    }

    /// Both at this moment.
    pub fn read(&self) -> Clock {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Clock {
            now: self.now(),
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Monotonic time.
    pub fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}
