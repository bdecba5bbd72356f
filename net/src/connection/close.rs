//! Why a connection ended.

use alloc::string::String;
use core::fmt;

use super::error::Error;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The edge could not connect.
    DialFailed(String),
    /// The other side closed it.
    Remote,
    /// It broke.
    Lost,
    /// We closed it on request.
    Local,
    /// The other side broke the rules or a budget, or answered as another peer.
    Failed(Error),
    /// Set-up took too long.
    SetUpTimeout,
    /// Too many connections were being set up, and this was the oldest.
    PushedOut,
    /// All places were taken, and it was the idlest of those who had most of them.
    GaveWay,
    /// Pings stayed without an answer.
    PingTimeout,
    /// The other side takes no more bytes.
    SlowReader,
    /// It does not speak the particle protocol.
    NoParticles,
    /// The peer has newer connections, as many as one peer may have.
    Replaced,
    /// It was made for a question of Kademlia and is not needed any more.
    Idle,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DialFailed(reason) => write!(f, "cannot connect: {reason}"),
            Self::Remote => f.write_str("closed by the other side"),
            Self::Lost => f.write_str("the connection broke"),
            Self::Local => f.write_str("closed here"),
            Self::Failed(error) => error.fmt(f),
            Self::SetUpTimeout => f.write_str("set-up took too long"),
            Self::PushedOut => f.write_str("too many newer connections were being set up"),
            Self::GaveWay => f.write_str("its place was needed, and it was idle"),
            Self::PingTimeout => f.write_str("pings stay without an answer"),
            Self::SlowReader => f.write_str("the other side takes no more bytes"),
            Self::NoParticles => f.write_str("the peer does not speak the particle protocol"),
            Self::Idle => f.write_str("not needed any more"),
            Self::Replaced => f.write_str("the peer has as many newer connections as it may have"),
        }
    }
}
