//! Why a connection cannot go on.

use core::fmt;

use crate::peer_id::PeerId;

/// Why a connection cannot go on. Each is a fault of the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Another peer than the one that was dialed answered.
    WrongPeer(PeerId),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongPeer(id) => write!(f, "another peer answered: {id}"),
        }
    }
}

impl core::error::Error for Error {}
