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

/// Ports of WebSocket addresses that name none (libp2p specifications, "WebSockets").
const WS_PORT: u16 = 80;
const WSS_PORT: u16 = 443;

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
    /// The name that TLS asks for and checks, if it is another than the host.
    pub server_name: Option<String>,
    /// The path that the WebSocket is asked at, if it is not the root.
    pub path: Option<String>,
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
    /// It does not start with a host and a TCP port, nor with a host and a WebSocket, which has a
    /// usual port.
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
            Self::NotTcp => {
                "the address does not start with a host and a TCP port, nor with a host and a \
                 WebSocket"
            }
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
        let mut next = parts.next();
        let port = match next {
            Some(Protocol::Tcp(port)) => {
                next = parts.next();
                Some(port)
            }
            Some(Protocol::Ws | Protocol::Wss | Protocol::Tls) => None,
            _ => return Err(EndpointError::NotTcp),
        };
        let (mut transport, mut tls) = (Transport::Tcp, false);
        let (mut server_name, mut path, mut peer) = (None, None, None);
        for part in next.into_iter().chain(parts) {
            let plain = transport == Transport::Tcp;
            match part {
                _ if peer.is_some() => return Err(EndpointError::Unsupported),
                Protocol::Tls if plain && !tls => tls = true,
                Protocol::Tls => return Err(EndpointError::Tls),
                Protocol::Sni(name) if plain && tls && server_name.is_none() => {
                    server_name = Some(name.into());
                }
                Protocol::Wss if plain => transport = Transport::SecureWebSocket,
                Protocol::Ws if plain && tls => transport = Transport::SecureWebSocket,
                Protocol::Ws if plain => transport = Transport::WebSocket,
                Protocol::HttpPath(text) if !plain && path.is_none() => path = Some(text.into()),
                Protocol::P2p(named) => peer = Some(named),
                _ => return Err(EndpointError::Unsupported),
            }
        }
        let usual = match transport {
            Transport::Tcp if tls => return Err(EndpointError::Tls),
            Transport::Tcp => None,
            Transport::WebSocket => Some(WS_PORT),
            Transport::SecureWebSocket => Some(WSS_PORT),
        };
        Ok(Self {
            host,
            scope: Scope::Global,
            port: port.or(usual).ok_or(EndpointError::NotTcp)?,
            transport,
            server_name,
            path,
            peer,
        })
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
    fn all_forms_of_websockets() {
        let peer = "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D";
        let (ws, wss) = (Transport::WebSocket, Transport::SecureWebSocket);
        for (text, port, transport, name, path) in [
            ("/ip4/127.0.0.1/ws", 80, ws, None, None),
            ("/ip6/::1/tcp/5/ws", 5, ws, None, None),
            ("/dns/localhost/wss", 443, wss, None, None),
            ("/dns4/a.example/tls/ws", 443, wss, None, None),
            (
                "/ip4/1.1.1.1/tls/sni/b.example/ws",
                443,
                wss,
                Some("b.example"),
                None,
            ),
            (
                "/ip4/1.1.1.1/tcp/7/tls/sni/b.example/ws",
                7,
                wss,
                Some("b.example"),
                None,
            ),
            (
                "/dns6/a.example/tcp/7/tls/sni/b/ws/http-path/x",
                7,
                wss,
                Some("b"),
                Some("x"),
            ),
            (
                "/dns4/a.example/wss/http-path/a%2Fb%20c",
                443,
                wss,
                None,
                Some("a/b c"),
            ),
            ("/ip4/1.1.1.1/tcp/9/ws/http-path/a", 9, ws, None, Some("a")),
        ] {
            for end in ["", &std::format!("/p2p/{peer}")] {
                let endpoint = endpoint(&std::format!("{text}{end}")).unwrap();
                assert_eq!(
                    (endpoint.port, endpoint.transport),
                    (port, transport),
                    "{text}"
                );
                assert_eq!(endpoint.server_name.as_deref(), name, "{text}");
                assert_eq!(endpoint.path.as_deref(), path, "{text}");
                assert_eq!(endpoint.peer.is_some(), !end.is_empty());
            }
        }
        for text in [
            "/ip4/1.1.1.1/tcp/1/sni/a/ws",
            "/ip4/1.1.1.1/tcp/1/ws/sni/a",
            "/ip4/1.1.1.1/tcp/1/tls/sni/a/sni/b/ws",
            "/ip4/1.1.1.1/tcp/1/http-path/a",
            "/ip4/1.1.1.1/tcp/1/http-path/a/ws",
            "/ip4/1.1.1.1/tcp/1/ws/http-path/a/http-path/b",
            "/ip4/1.1.1.1/tcp/1/ws/ws",
            "/ip4/1.1.1.1/tcp/1/ws/tcp/2",
        ] {
            assert_eq!(endpoint(text), Err(EndpointError::Unsupported), "{text}");
        }
        let tls = Err(EndpointError::Tls);
        assert_eq!(endpoint("/ip4/1.1.1.1/tls"), tls);
        assert_eq!(endpoint("/ip4/1.1.1.1/tcp/1/tls/sni/a"), tls);
        assert_eq!(endpoint("/ip4/1.1.1.1/tcp/1/tls/tls/ws"), tls);
        let not_tcp = Err(EndpointError::NotTcp);
        assert_eq!(endpoint("/ip4/1.1.1.1"), not_tcp);
        assert_eq!(endpoint(&std::format!("/ip4/1.1.1.1/p2p/{peer}")), not_tcp);
        assert_eq!(endpoint("/ip4/1.1.1.1/sni/a/tls/ws"), not_tcp);
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
