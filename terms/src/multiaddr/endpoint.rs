//! What a dialer makes of a multiaddr: where to open a TCP connection and what to speak on it.

use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

use super::address::Multiaddr;
use super::protocol::Protocol;
use crate::peer_id::PeerId;

/// What runs directly on the TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// libp2p's own bytes.
    Tcp,
    /// WebSocket messages that carry them. Incoming connections may put TLS below, if there is a
    /// certificate.
    WebSocket,
    /// TLS that carries WebSocket messages.
    SecureWebSocket,
}

/// The host of an endpoint: its name, or its address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostName {
    /// An address that needs no look-up.
    Ip(IpAddr),
    /// A name, either address family.
    Dns(String),
    /// A name, IPv4 only.
    Dns4(String),
    /// A name, IPv6 only.
    Dns6(String),
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Dns(name) | Self::Dns4(name) | Self::Dns6(name) => f.write_str(name),
        }
    }
}

impl HostName {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Ip(_) => None,
            Self::Dns(name) | Self::Dns4(name) | Self::Dns6(name) => Some(name),
        }
    }
}

/// Which addresses may be dialed: the rule for every outgoing connection. An endpoint is dialed
/// within its scope, whether its host is an address or a name; the dialer checks each address just
/// before it connects, after all names are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All. For what the manifest or the operator names, and for what a peer tells that is itself
    /// on a local address.
    Any,
    /// Those in the public internet. For what strangers name: they must not lead us to hosts on our
    /// own network.
    Global,
}

impl Scope {
    /// Whether an address may be dialed.
    pub fn admits(self, ip: IpAddr) -> bool {
        self == Self::Any || is_global(ip)
    }
}

/// A TCP endpoint to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host to connect to.
    pub host: HostName,
    /// Which addresses may be dialed. Public ones, unless somebody who may say so widens it.
    pub scope: Scope,
    /// The TCP port.
    pub port: u16,
    /// What runs on the TCP connection.
    pub transport: Transport,
    /// The peer that must answer there; `None` takes whoever does.
    pub peer: Option<PeerId>,
}

impl Endpoint {
    /// The same endpoint, dialed within another scope.
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// Whether it may be dialed as far as can be told by now: it is a name, or an address in its
    /// scope.
    pub fn is_admitted(&self) -> bool {
        match self.host {
            HostName::Ip(ip) => self.scope.admits(ip),
            _ => true,
        }
    }
}

/// Whether an address belongs to the public internet (IANA special-purpose address registries).
pub fn is_global(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let special = ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_documentation()
                || ip.is_broadcast()
                || ip.is_multicast();
            let reserved = a == 0
                || a >= 240
                || (a == 100 && b & 0xc0 == 64)
                || (a == 198 && b & 0xfe == 18)
                || (a == 192 && b == 0 && c == 0)
                || (a == 192 && b == 88 && c == 99);
            !special && !reserved
        }
        // Only 2000::/3 is given out, less the ranges for documentation, and those for protocols,
        // where an address may have an IPv4 address in it that is not public (Teredo, 6to4).
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            let documentation =
                (first == 0x2001 && second == 0xdb8) || (first == 0x3fff && second < 0x1000);
            let protocols = (first == 0x2001 && second < 0x200) || first == 0x2002;
            first & 0xe000 == 0x2000 && !documentation && !protocols
        }
    }
}

/// Why an address cannot be dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// It does not start with a host and a TCP port.
    NotTcp,
    /// It asks for TLS without WebSocket on it, or TLS is not set up.
    Tls,
    /// It goes on with a protocol that is not spoken.
    Unsupported,
    /// It is not public, and whoever named it may name public ones only.
    NotPublic,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTcp => "the address does not start with a host and a TCP port",
            Self::Tls => "the address asks for TLS, which is not set up, or carries no WebSocket",
            Self::Unsupported => "the address names a protocol that is not spoken here",
            Self::NotPublic => "the address is not public",
        })
    }
}

impl core::error::Error for EndpointError {}

impl TryFrom<&Multiaddr> for Endpoint {
    type Error = EndpointError;

    fn try_from(address: &Multiaddr) -> Result<Self, EndpointError> {
        let mut parts = address.iter();
        let host = match parts.next() {
            Some(Protocol::Ip4(ip)) => HostName::Ip(ip.into()),
            Some(Protocol::Ip6(ip)) => HostName::Ip(ip.into()),
            Some(Protocol::Dns(name)) => HostName::Dns(name.into()),
            Some(Protocol::Dns4(name)) => HostName::Dns4(name.into()),
            Some(Protocol::Dns6(name)) => HostName::Dns6(name.into()),
            _ => return Err(EndpointError::NotTcp),
        };
        let Some(Protocol::Tcp(port)) = parts.next() else {
            return Err(EndpointError::NotTcp);
        };
        let mut endpoint = Self {
            host,
            scope: Scope::Global,
            port,
            transport: Transport::Tcp,
            peer: None,
        };
        let mut tls = false;
        for part in parts {
            match part {
                Protocol::Tls
                    if endpoint.peer.is_none() && endpoint.transport == Transport::Tcp =>
                {
                    tls = true;
                }
                Protocol::Wss if endpoint.peer.is_none() => {
                    endpoint.transport = Transport::SecureWebSocket;
                }
                Protocol::Ws if endpoint.peer.is_none() => {
                    endpoint.transport = match tls {
                        true => Transport::SecureWebSocket,
                        false => Transport::WebSocket,
                    };
                }
                Protocol::P2p(peer) if endpoint.peer.is_none() => endpoint.peer = Some(peer),
                Protocol::Tls => return Err(EndpointError::Tls),
                _ => return Err(EndpointError::Unsupported),
            }
        }
        if tls && endpoint.transport == Transport::Tcp {
            return Err(EndpointError::Tls);
        }
        Ok(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::try_from(&text.parse::<Multiaddr>().unwrap())
    }

    #[test]
    fn tcp_and_websocket() {
        let peer = "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D";
        let tcp = endpoint("/ip6/::1/tcp/977").unwrap();
        assert_eq!(tcp.host, HostName::Ip("::1".parse().unwrap()));
        assert_eq!(
            (tcp.port, tcp.transport, tcp.peer),
            (977, Transport::Tcp, None)
        );
        let ws = endpoint(&std::format!("/dns4/a.example/tcp/999/ws/p2p/{peer}")).unwrap();
        assert_eq!(ws.host, HostName::Dns4("a.example".into()));
        assert_eq!(ws.transport, Transport::WebSocket);
        assert_eq!(ws.peer, Some(peer.parse().unwrap()));
        for secure in ["wss", "tls/ws"] {
            let address = std::format!("/dns/a.example/tcp/443/{secure}/p2p/{peer}");
            let endpoint = endpoint(&address).unwrap();
            assert_eq!(endpoint.transport, Transport::SecureWebSocket);
        }
    }

    #[test]
    fn local_addresses_are_told_from_global_ones() {
        for local in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "2001:db8::1",
            "192.88.99.1",
            "240.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "100::1",
            "2001::7f00:1",
            "2002:7f00:1::",
            "3fff::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_global(local.parse().unwrap()), "{local}");
        }
        for global in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2a00::1",
            "3fff:1000::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_global(global.parse().unwrap()), "{global}");
        }
    }

    #[test]
    fn only_public_addresses_are_dialed_unless_somebody_widens_it() {
        for (address, admitted) in [
            ("/ip4/127.0.0.1/tcp/1", false),
            ("/ip6/::ffff:127.0.0.1/tcp/1", false),
            ("/ip4/1.1.1.1/tcp/1", true),
            // What it has is seen when it is resolved.
            ("/dns4/localhost/tcp/1", true),
        ] {
            let endpoint = endpoint(address).unwrap();
            assert_eq!(endpoint.is_admitted(), admitted, "{address}");
            assert!(endpoint.within(Scope::Any).is_admitted(), "{address}");
        }
    }

    #[test]
    fn what_cannot_be_dialed() {
        assert_eq!(
            endpoint("/ip4/1.1.1.1/udp/1/quic-v1"),
            Err(EndpointError::NotTcp)
        );
        assert_eq!(endpoint("/dnsaddr/a.example"), Err(EndpointError::NotTcp));
        assert_eq!(endpoint("/ip4/1.1.1.1/tcp/1/tls"), Err(EndpointError::Tls));
        assert_eq!(
            endpoint("/ip4/1.1.1.1/tcp/1/ws/tls"),
            Err(EndpointError::Tls)
        );
        assert_eq!(
            endpoint("/ip4/1.1.1.1/tcp/1/p2p-circuit"),
            Err(EndpointError::Unsupported)
        );
    }
}
