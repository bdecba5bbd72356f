//! What the stack has done.

/// What the stack has done since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames taken from the device.
    pub frames_received: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections opened from here and established.
    pub connected: u64,
    /// Connections that ended by reset or time-out.
    pub reset: u64,
    /// Half-open connections pushed out by newer ones (`Limits::max_half_open`).
    pub half_open_evicted: u64,
    /// Half-open connections whose handshake never completed.
    pub half_open_expired: u64,
    /// Times a listener was shut because `Limits::max_sockets` was reached.
    pub refused_full: u64,
    /// Paths that a router said do not take our largest packets.
    pub narrow_paths: u64,
}
