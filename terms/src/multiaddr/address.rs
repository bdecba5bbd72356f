//! A whole multiaddr: a list of components, kept in binary form.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use super::error::MultiaddrError;
use super::protocol::Protocol;
use crate::peer_id::PeerId;

/// Longest address taken, in bytes. Addresses in use are far shorter.
const MAX_LEN: usize = 1024;

/// A checked multiaddr.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiaddr {
    bytes: Vec<u8>,
}

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
    use crate::peer_id::PeerIdError;
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
    fn a_peer_may_be_named_by_a_cid() {
        let cid = "bafzaajaiaejcaccrvnsutoxzqxfpfqvcavogvjqn64zbhmo55uxgv4rxu6jh52x2";
        let address: Multiaddr = std::format!("/ip4/127.0.0.1/tcp/1/p2p/{cid}")
            .parse()
            .unwrap();
        assert_eq!(
            address.to_string(),
            std::format!("/ip4/127.0.0.1/tcp/1/p2p/{PEER}")
        );
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
