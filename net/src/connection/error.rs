//! Why a connection cannot go on.

use core::fmt;

use crate::keypair::KeyError;
use crate::multistream::MultistreamError;
use crate::noise::NoiseError;
use crate::refusal::Refusal;
use crate::tls::TlsError;
use crate::websocket::WebSocketError;
use crate::yamux::YamuxError;
use basalt_terms::peer_id::PeerId;

/// Why a connection cannot go on. Each is a fault of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// TLS below the WebSocket layer.
    Tls(TlsError),
    /// The WebSocket layer.
    WebSocket(WebSocketError),
    /// The choice of encryption or multiplexer.
    Multistream(MultistreamError),
    /// The encryption.
    Noise(NoiseError),
    /// The multiplexer.
    Yamux(YamuxError),
    /// Another peer than the one that was dialed answered.
    WrongPeer(PeerId),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::WebSocket(error) => error.fmt(f),
            Self::Multistream(error) => error.fmt(f),
            Self::Noise(error) => error.fmt(f),
            Self::Yamux(error) => error.fmt(f),
            Self::WrongPeer(id) => write!(f, "another peer answered: {id}"),
        }
    }
}

impl core::error::Error for Error {}

impl Error {
    /// What the connection is refused for.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Noise(NoiseError::Identity(KeyError::Kind(_))) => Refusal::IdentityKind,
            _ => Refusal::ProtocolViolation,
        }
    }
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<WebSocketError> for Error {
    fn from(error: WebSocketError) -> Self {
        Self::WebSocket(error)
    }
}

impl From<MultistreamError> for Error {
    fn from(error: MultistreamError) -> Self {
        Self::Multistream(error)
    }
}

impl From<NoiseError> for Error {
    fn from(error: NoiseError) -> Self {
        Self::Noise(error)
    }
}

impl From<YamuxError> for Error {
    fn from(error: YamuxError) -> Self {
        Self::Yamux(error)
    }
}
