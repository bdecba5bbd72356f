//! Yamux: many streams over one byte pipe, each with its own window (hashicorp/yamux spec, as libp2p
//! uses it).
//!
//! * [`Session::read`] takes the front of incoming bytes and gives what they mean, without a copy.
//! * [`Session::write`] fills a buffer with frames: control frames first, then data, one frame per
//!   stream in turn, so that no stream starves another.
//! * Credit is counted in 64 bits, since peers grow windows far beyond the initial 256 KiB. Our own
//!   receive windows double while a stream uses up its window within two round trips.

mod frame;
mod session;
mod stream;
#[cfg(test)]
mod tests;

use core::fmt;

pub use frame::{Flags, HEADER, Header, Kind};
pub use session::{Event, Session};

/// The protocol's name in multistream-select.
pub const PROTOCOL: &str = "/yamux/1.0.0";

/// Both sides may send this much on a new stream (yamux spec, "Flow control").
pub const INITIAL_WINDOW: u32 = 256 * 1024;

/// A stream of a session. Odd ids are opened by the side that opened the connection.
pub type StreamId = u32;

/// What a session may cost.
#[derive(Clone, Debug)]
pub struct Config {
    /// Streams that the other side may have open at once. Bounds a flood of SYNs; beyond it a stream is
    /// reset.
    pub max_inbound_streams: usize,
    /// Streams that we have open at once. Peers have limits of about 1,000.
    pub max_outbound_streams: usize,
    /// Receive window that one stream may grow to, in bytes. With the total below it bounds what a peer
    /// may have in flight towards us.
    pub max_window: u32,
    /// Bytes that all receive windows of a session may grow to beyond their initial size.
    pub max_window_growth: u64,
    /// Payload of one data frame, in bytes: how long one stream holds up the others.
    pub max_frame: usize,
    /// Answers to pings and to refused streams that may wait to be sent. Bounds a peer that asks and
    /// never reads; beyond it the session ends.
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

/// How the other side broke the protocol. The session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YamuxError {
    /// A frame of another version than 0.
    Version(u8),
    /// A frame of a type that does not exist.
    Kind(u8),
    /// A frame about a stream has stream 0, or the other way round.
    StreamZero,
    /// A SYN for a stream that is open already or whose id is not the other side's to use.
    StreamId(StreamId),
    /// More data than the window allows.
    WindowExceeded(StreamId),
    /// More credit than can be counted.
    CreditOverflow(StreamId),
    /// It asks for answers and does not read them.
    AnswerFlood,
}

impl fmt::Display for YamuxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "a yamux frame has version {version}"),
            Self::Kind(kind) => write!(f, "a yamux frame has type {kind}"),
            Self::StreamZero => f.write_str("a yamux frame is about the wrong stream for its type"),
            Self::StreamId(id) => write!(f, "yamux stream {id} cannot be opened"),
            Self::WindowExceeded(id) => write!(f, "yamux stream {id} exceeds its window"),
            Self::CreditOverflow(id) => write!(f, "yamux stream {id} has too much credit"),
            Self::AnswerFlood => f.write_str("too many yamux answers wait to be read"),
        }
    }
}

impl core::error::Error for YamuxError {}
