//! Why bytes or text are not a multiaddr.

use core::fmt;

use crate::peer_id::PeerIdError;

/// Why bytes or text are not a multiaddr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultiaddrError {
    /// It is longer than 1,024 bytes.
    TooLong,
    /// It ends inside a component.
    Truncated,
    /// The text does not start with a slash or has an empty component.
    Slash,
    /// The text names a protocol that is not known.
    Unknown,
    /// An IP address is malformed.
    Ip,
    /// A port is not a number below 65,536.
    Port,
    /// A host name is empty, too long or holds characters that host names cannot have.
    Host,
    /// An HTTP path is not UTF-8, or its escapes are malformed.
    Path,
    /// The peer id is malformed.
    PeerId(PeerIdError),
}

impl fmt::Display for MultiaddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the multiaddr is longer than 1,024 bytes",
            Self::Truncated => "the multiaddr ends inside a component",
            Self::Slash => "a multiaddr is a list of components, each with a slash in front",
            Self::Unknown => "the multiaddr names a protocol that is not known",
            Self::Ip => "the multiaddr holds a malformed IP address",
            Self::Port => "the multiaddr holds a port that is not a number below 65,536",
            Self::Host => "the multiaddr holds a malformed host name",
            Self::Path => "the multiaddr holds a malformed HTTP path",
            Self::PeerId(error) => {
                return write!(f, "the multiaddr holds an invalid peer id: {error}");
            }
        })
    }
}

impl core::error::Error for MultiaddrError {}
