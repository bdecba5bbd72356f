//! Peer ids and multiaddrs, by the rules of the network code that will use them.

use alloc::string::{String, ToString};

use basalt_terms::{
    Multiaddr, PeerId,
    multiaddr::{Endpoint, Host, Protocol},
};

use crate::tls::{self, TlsFault};

/// Checks a peer id.
pub(crate) fn peer_id(text: &str) -> Result<(), String> {
    match text.parse::<PeerId>() {
        Ok(_) => Ok(()),
        Err(error) => Err(alloc::format!("is wrong: {error}")),
    }
}

/// Whether a multiaddr names the peer that it leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// It must end in `/p2p/..`.
    Named,
    /// It must not: it is the node's own address.
    Own,
}

/// Checks a multiaddr that the node, or a peer of its kind, is to dial; the error completes the
/// sentence "the entry is wrong: ..".
pub(crate) fn multiaddr(text: &str, peer: Peer) -> Result<(), String> {
    let address = text
        .parse::<Multiaddr>()
        .map_err(|error| error.to_string())?;
    let records = match address.iter().next() {
        Some(Protocol::Dnsaddr(domain)) => Some(domain),
        _ => None,
    };
    let (port, host) = match records {
        // Its records name the rest.
        Some(domain) => (None, Host::Dns(domain.into())),
        None => {
            let endpoint = Endpoint::try_from(&address).map_err(|error| error.to_string())?;
            (Some(endpoint.port), endpoint.host)
        }
    };
    let fault = match (&host, peer, address.peer_id()) {
        _ if port == Some(0) => "port 0 cannot be connected to",
        (Host::Dns(name) | Host::Dns4(name) | Host::Dns6(name), ..)
            if !name.strip_suffix('.').unwrap_or(name).split('.').all(label) =>
        {
            "the host name is malformed"
        }
        (_, Peer::Own, _) if records.is_some() => {
            "the records of a domain (/dnsaddr) are not an address of the node's own"
        }
        (_, Peer::Named, None) => "it must end in /p2p/<peer id>",
        (_, Peer::Own, Some(_)) => "it must not name a peer (/p2p/..): the node adds its own id",
        _ => return Ok(()),
    };
    Err(fault.into())
}

/// Checks the certificate of an authority.
pub(crate) fn root(text: &str) -> Result<(), String> {
    tls::check_root(text).map_err(|fault| alloc::format!("has a wrong entry: {fault}"))
}

/// Checks a certificate and its key; the error names the one that is wrong.
pub(crate) fn certificate((chain, key): &(String, String)) -> Result<(), (&'static str, String)> {
    tls::check_certificate(chain, key).map_err(|fault| {
        let key = match fault {
            TlsFault::Key => "key",
            TlsFault::Certificate | TlsFault::Root => "certificate",
        };
        (key, alloc::format!("cannot be used: {fault}"))
    })
}

/// Whether the text is one label of a host name (RFC 1123).
pub(crate) fn label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The text, cut where it would make a message unreadable, without control characters.
pub(crate) fn shortened(text: &str) -> String {
    const MAX: usize = 40;
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(MAX).collect();
    if text.chars().count() > MAX {
        short.push_str("..");
    }
    short
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const ID: &str = "12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9";
    const HASHED: &str = "QmSoLPppuBtQSGwKDZT2M73ULpjvfd3aZ6ha4oFGL1KrGM";

    #[test]
    fn peer_ids() {
        assert_eq!(peer_id(ID), Ok(()));
        assert_eq!(peer_id(HASHED), Ok(()));
        for bad in ["", "12D3KooW", "0OIl", &ID[1..], &ID.repeat(4)] {
            assert!(peer_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn good_multiaddrs() {
        for good in [
            "/ip4/127.0.0.1/tcp/7001/p2p/",
            "/ip6/::1/tcp/1/ws/p2p/",
            "/dns4/0-kras.example.org/tcp/65535/p2p/",
            "/dnsaddr/kras.example.org/p2p/",
        ] {
            let address = format!("{good}{ID}");
            assert_eq!(multiaddr(&address, Peer::Named), Ok(()), "{good}");
        }
        assert!(multiaddr("/dns/example.org./tcp/9/ws", Peer::Own).is_ok());
    }

    #[test]
    fn bad_multiaddrs() {
        for bad in [
            "",
            "127.0.0.1",
            "/",
            "/ip4/1.2.3/tcp/1",
            "/dns4/-a/tcp/1",
            "/dns4/a..b/tcp/1",
            "/ip4/1.2.3.4/udp/1/quic-v1",
            "/ip4/1.2.3.4/tcp/0",
            "/ip4/1.2.3.4/tcp/65536",
            "/ip4/1.2.3.4/tcp/1/tls",
            "/ip4/1.2.3.4/tcp/1/http",
            "/ip4/1.2.3.4/tcp/1/p2p/abc",
            "/dnsaddr/kras..example.org",
            "/dnsaddr/kras.example.org",
        ] {
            assert!(multiaddr(bad, Peer::Named).is_err(), "{bad}");
            assert!(multiaddr(bad, Peer::Own).is_err(), "{bad}");
        }
        let unnamed = multiaddr("/ip4/1.2.3.4/tcp/1", Peer::Named).unwrap_err();
        assert!(unnamed.contains("end in /p2p"), "{unnamed}");
        let own = multiaddr(&format!("/ip4/1.2.3.4/tcp/1/p2p/{ID}"), Peer::Own).unwrap_err();
        assert!(own.contains("its own id"), "{own}");
    }
}
