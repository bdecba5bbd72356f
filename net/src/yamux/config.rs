//! Ids, windows and budgets of a session.

/// Both sides may send this much on a new stream (yamux spec, "Flow control").
pub const INITIAL_WINDOW: u32 = 256 * 1024;

/// A stream of a session. Odd ids are opened by the side that opened the connection.
pub type StreamId = u32;

/// What a session may cost.
#[derive(Clone, Debug)]
pub struct Config {
    /// Streams that the other side may have open at once. Bounds a flood of SYNs; beyond it a
    /// stream is reset.
    pub max_inbound_streams: usize,
    /// Streams that we have open at once. Peers have limits of about 1,000.
    pub max_outbound_streams: usize,
    /// Receive window that one stream may grow to, in bytes. With the total below it bounds what a
    /// peer may have in flight towards us.
    pub max_window: u32,
    /// Bytes that all receive windows of a session may grow to beyond their initial size.
    pub max_window_growth: u64,
    /// Payload of one data frame, in bytes: how long one stream holds up the others.
    pub max_frame: usize,
    /// Answers to pings and to refused streams that may wait to be sent. Bounds a peer that asks
    /// and never reads; beyond it the session ends.
    pub max_answers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_inbound_streams: 1024,
            max_outbound_streams: 256,
            max_window: 16 * 1024 * 1024,
            max_window_growth: 64 * 1024 * 1024,
            max_frame: 64 * 1024,
            max_answers: 256,
        }
    }
}
