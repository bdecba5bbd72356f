//! Peer ids and multiaddrs, checked as far as the node can use them.

use alloc::{format, string::String};
use core::net::{Ipv4Addr, Ipv6Addr};

/// Longest peer id in bytes: a multihash of a 32-byte digest or of an inlined Ed25519 key, with room
/// for other short keys.
const MAX_PEER_ID: usize = 64;

/// Longest multiaddr text: bounds what a list of them can cost.
const MAX_MULTIADDR: usize = 512;

/// Checks a peer id in base58 (libp2p peer id spec): a SHA-256 multihash or an inlined key.
pub(crate) fn peer_id(text: &str) -> Result<(), String> {
    let mut bytes = [0; MAX_PEER_ID];
    let length = bs58::decode(text)
        .onto(&mut bytes[..])
        .map_err(|_| String::from("is not a peer id: it is not base58 of a multihash"))?;
    match &bytes[..length] {
        [0x12, 0x20, digest @ ..] if digest.len() == 32 => Ok(()),
        [0x00, 0x24, 0x08, 0x01, 0x12, 0x20, key @ ..] if key.len() == 32 => Ok(()),
        _ => Err("is not a peer id: neither an Ed25519 key nor a SHA-256 multihash".into()),
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

/// Checks a multiaddr of the forms that the node listens on and dials:
/// host, `/tcp/<port>`, for WebSocket `/ws`, and the peer as `peer` says.
pub(crate) fn multiaddr(text: &str, peer: Peer) -> Result<(), String> {
    if text.len() > MAX_MULTIADDR {
        return Err(format!("is longer than {MAX_MULTIADDR} bytes"));
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Err("is not a multiaddr: it must begin with `/`".into());
    };
    let mut parts = rest.split('/');
    let (kind, host) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let host_is_good = match kind {
        "ip4" => host.parse::<Ipv4Addr>().is_ok(),
        "ip6" => host.parse::<Ipv6Addr>().is_ok(),
        "dns" | "dns4" | "dns6" => domain(host),
        _ => {
            return Err(format!(
                "must begin with /ip4, /ip6, /dns, /dns4 or /dns6, not with /{}",
                shortened(kind)
            ));
        }
    };
    if !host_is_good {
        return Err(format!("has no valid host after /{kind}"));
    }
    if parts.next() != Some("tcp") {
        return Err(
            "must have /tcp/<port> after the host: the node speaks TCP and WebSocket".into(),
        );
    }
    if parts.next().and_then(port).is_none() {
        return Err("has no valid port (1 to 65535) after /tcp".into());
    }
    let mut next = parts.next();
    if next == Some("wss") {
        return Err("asks for TLS (/wss), which the node does not speak: use /ws".into());
    }
    if next == Some("ws") {
        next = parts.next();
    }
    match (peer, next) {
        (Peer::Named, None) => Err("must end in /p2p/<peer id>".into()),
        (Peer::Own, Some("p2p")) => {
            Err("must not name a peer (/p2p/..): the node adds its own id".into())
        }
        (Peer::Own, None) => Ok(()),
        (Peer::Named, Some("p2p")) => {
            peer_id(parts.next().unwrap_or("")).map_err(|reason| format!("/p2p {reason}"))?;
            match parts.next() {
                None => Ok(()),
                Some(_) => Err("must end after /p2p/<peer id>".into()),
            }
        }
        (_, Some(other)) => Err(format!("has an unexpected part /{}", shortened(other))),
    }
}

/// The port, if it is one to listen on or to connect to.
fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// Whether the text is a host name of the DNS (RFC 1123).
fn domain(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253 && name.split('.').all(label)
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
        ] {
            assert_eq!(
                multiaddr(&format!("{good}{ID}"), Peer::Named),
                Ok(()),
                "{good}"
            );
        }
        assert_eq!(multiaddr("/dns/example.org./tcp/9/ws", Peer::Own), Ok(()));
    }

    #[test]
    fn bad_multiaddrs() {
        for (bad, reason) in [
            ("", "begin with `/`"),
            ("127.0.0.1", "begin with `/`"),
            ("/", "must begin with /ip4"),
            ("/ip4/1.2.3/tcp/1", "valid host"),
            ("/dns4/-a/tcp/1", "valid host"),
            ("/dns4/a..b/tcp/1", "valid host"),
            ("/ip4/1.2.3.4/udp/1/quic-v1", "/tcp/<port>"),
            ("/ip4/1.2.3.4/tcp/0", "valid port"),
            ("/ip4/1.2.3.4/tcp/+7", "valid port"),
            ("/ip4/1.2.3.4/tcp/65536", "valid port"),
            ("/ip4/1.2.3.4/tcp/1/wss", "TLS"),
            ("/ip4/1.2.3.4/tcp/1", "end in /p2p"),
            ("/ip4/1.2.3.4/tcp/1/p2p/abc", "not a peer id"),
            ("/ip4/1.2.3.4/tcp/1/http", "unexpected part /http"),
        ] {
            let said = multiaddr(bad, Peer::Named).unwrap_err();
            assert!(said.contains(reason), "{bad}: {said}");
        }
        let own = multiaddr(&format!("/ip4/1.2.3.4/tcp/1/p2p/{ID}"), Peer::Own).unwrap_err();
        assert!(own.contains("its own id"), "{own}");
    }
}
