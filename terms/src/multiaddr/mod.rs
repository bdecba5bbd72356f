//! Multiaddrs: self-describing addresses such as `/ip4/1.2.3.4/tcp/999/ws/p2p/12D3..`
//! (multiformats "multiaddr"), in text and in binary form.
//!
//! A [`Multiaddr`] holds checked binary; [`Multiaddr::iter`] gives its components. Components that
//! are not known are carried along unchanged. [`Endpoint`] is what a dialer makes of one.

mod endpoint;
mod protocol;

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

pub use endpoint::{Endpoint, EndpointError, Host, Scope, Transport, is_global};
pub use protocol::Protocol;

use crate::peer_id::{PeerId, PeerIdError};

/// No address that is used is longer; a peer that announces longer ones is up to something.
const MAX_LEN: usize = 1024;

/// A checked multiaddr.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiaddr {
    bytes: Vec<u8>,
}

/// Why bytes or text are no multiaddr.
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
    /// A port is no number below 65,536.
    Port,
    /// A host name is empty, too long or holds characters that host names cannot have.
    Host,
    /// An HTTP path is not UTF-8 or badly escaped.
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
            Self::Port => "the multiaddr holds a port that is no number below 65,536",
            Self::Host => "the multiaddr holds a malformed host name",
            Self::Path => "the multiaddr holds a malformed HTTP path",
            Self::PeerId(error) => {
                return write!(f, "the multiaddr holds no valid peer id: {error}");
            }
        })
    }
}

impl core::error::Error for MultiaddrError {}

impl Multiaddr {
    /// Reads the binary form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MultiaddrError> {
        if bytes.len() > MAX_LEN {
            return Err(MultiaddrError::TooLong);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = Protocol::read(rest)?.1;
        }
        Ok(Self {
            bytes: bytes.to_vec(),
        })
    }

    /// The address of a TCP socket: `/ip4/../tcp/..` or `/ip6/../tcp/..`.
    pub fn from_socket(socket: SocketAddr) -> Self {
        let ip = match socket.ip() {
            IpAddr::V4(ip) => Protocol::Ip4(ip),
            IpAddr::V6(ip) => Protocol::Ip6(ip),
        };
        Self::default().with(ip).with(Protocol::Tcp(socket.port()))
    }

    /// The address with one more component at its end.
    #[must_use]
    pub fn with(mut self, protocol: Protocol<'_>) -> Self {
        protocol.write(&mut self.bytes);
        self
    }

    /// The binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The components in order.
    pub fn iter(&self) -> Components<'_> {
        Components { rest: &self.bytes }
    }

    /// The peer id of the last `/p2p/` component.
    pub fn peer_id(&self) -> Option<PeerId> {
        self.iter()
            .filter_map(|p| {
                if let Protocol::P2p(id) = p {
                    Some(id)
                } else {
                    None
                }
            })
            .last()
    }
}

/// Iterates over the components of a multiaddr.
#[derive(Clone, Debug)]
pub struct Components<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Components<'a> {
    type Item = Protocol<'a>;

    fn next(&mut self) -> Option<Protocol<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        // The bytes were checked when the address was made.
        let (protocol, rest) = Protocol::read(self.rest).ok()?;
        self.rest = rest;
        Some(protocol)
    }
}

impl FromStr for Multiaddr {
    type Err = MultiaddrError;

    fn from_str(text: &str) -> Result<Self, MultiaddrError> {
        // Text may be longer than its bytes by the names and by escapes.
        if text.len() > 4 * MAX_LEN {
            return Err(MultiaddrError::TooLong);
        }
        let text = text.strip_prefix('/').ok_or(MultiaddrError::Slash)?;
        let mut parts = text.strip_suffix('/').unwrap_or(text).split('/');
        let mut bytes = Vec::new();
        while let Some(name) = parts.next() {
            if name.is_empty() {
                return Err(MultiaddrError::Slash);
            }
            Protocol::read_text(name, &mut parts, &mut bytes)?;
        }
        // Also refuses what only makes sense as the last component and stands before another.
        let address = Self::from_bytes(&bytes)?;
        Ok(address)
    }
}

impl fmt::Display for Multiaddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|protocol| write!(f, "{protocol}"))
    }
}

impl fmt::Debug for Multiaddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Multiaddr({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const PEER: &str = "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D";

    #[test]
    fn text_and_binary_agree() {
        for text in [
            "/ip4/127.0.0.1/tcp/999/ws",
            "/ip6/2001:db8::1/tcp/977",
            "/dns4/host.example/tcp/443/tls/sni/host.example/ws",
            "/dnsaddr/bootstrap.example",
            "/dns/a/tcp/1/wss/http-path/a%2Fb%20c",
            "/ip4/1.2.3.4/udp/4001/quic-v1",
            "/ip4/1.2.3.4/tcp/4001/p2p-circuit",
        ] {
            let text = std::format!("{text}/p2p/{PEER}");
            let address: Multiaddr = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(
                Multiaddr::from_bytes(address.as_bytes()),
                Ok(address.clone())
            );
            assert_eq!(address.peer_id(), Some(PEER.parse().unwrap()));
        }
    }

    #[test]
    fn binary_form_of_a_listener() {
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/999/ws".parse().unwrap();
        assert_eq!(address.as_bytes(), [4, 127, 0, 0, 1, 6, 3, 0xe7, 0xdd, 3]);
        let socket = SocketAddr::from(([127, 0, 0, 1], 999));
        assert_eq!(Multiaddr::from_socket(socket).with(Protocol::Ws), address);
    }

    #[test]
    fn unknown_protocols_are_carried_along() {
        let bytes = [4, 1, 2, 3, 4, 0xac, 0x77, 9, 9];
        let address = Multiaddr::from_bytes(&bytes).unwrap();
        assert_eq!(address.to_string(), "/ip4/1.2.3.4/unknown/ac770909");
        assert_eq!(address.to_string().parse(), Ok(address));
    }

    #[test]
    fn refusals() {
        let parse = |text: &str| text.parse::<Multiaddr>().unwrap_err();
        assert_eq!(parse("ip4/1.2.3.4"), MultiaddrError::Slash);
        assert_eq!(parse("/"), MultiaddrError::Slash);
        assert_eq!(parse("/ip4/1.2.3"), MultiaddrError::Ip);
        assert_eq!(parse("/ip4/1.2.3.4/tcp/65536"), MultiaddrError::Port);
        assert_eq!(parse("/ip4/1.2.3.4/tcp"), MultiaddrError::Truncated);
        assert_eq!(parse("/sctp/1"), MultiaddrError::Unknown);
        assert_eq!(parse("/dns4//tcp/1"), MultiaddrError::Host);
        assert_eq!(
            parse("/p2p/xyz"),
            MultiaddrError::PeerId(PeerIdError::Multihash)
        );
        assert_eq!(
            Multiaddr::from_bytes(&[6, 1]),
            Err(MultiaddrError::Truncated)
        );
        assert_eq!(
            Multiaddr::from_bytes(&[53, 1, b'/']),
            Err(MultiaddrError::Host)
        );
        assert_eq!(
            Multiaddr::from_bytes(&[0; 1025]),
            Err(MultiaddrError::TooLong)
        );
    }
}
