//! Our time as smoltcp's.

use basalt_terms::time::Instant;
use smoltcp::time::Instant as Tick;

/// A point in time for smoltcp.
pub(super) fn to_tick(now: Instant) -> Tick {
    Tick::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// A duration for smoltcp.
pub(super) fn to_smoltcp(duration: core::time::Duration) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
