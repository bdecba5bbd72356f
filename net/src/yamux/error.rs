//! How a session fails.

use core::fmt;

use super::config::StreamId;

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
