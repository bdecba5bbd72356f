//! Outgoing particles: their ids, and why one was not sent.

use core::fmt;

/// The id of one particle given to `Swarm::send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub(crate) u64);

/// Why a particle was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection ended before all bytes were out.
    ConnectionClosed,
    /// The peer refuses the particle protocol.
    ProtocolRefused,
    /// The peer reset the stream.
    StreamReset,
    /// It took too long.
    Timeout,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionClosed => "the connection ended",
            Self::ProtocolRefused => "the peer refuses the particle protocol",
            Self::StreamReset => "the peer reset the stream",
            Self::Timeout => "the peer did not take it in time",
        })
    }
}

impl core::error::Error for SendError {}

/// Why a particle is not even tried to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotSend {
    /// There is no connection to the peer.
    NotConnected,
    /// More waits for the peer than `Limits::max_queued` of a connection.
    Congested,
    /// The particle is bigger than any peer takes.
    TooBig,
}

impl fmt::Display for CannotSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "there is no connection to the peer",
            Self::Congested => "too much waits for the peer already",
            Self::TooBig => "the particle is bigger than 100 MiB",
        })
    }
}

impl core::error::Error for CannotSend {}
