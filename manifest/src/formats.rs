//! Checks of strings that stay strings: peer ids and multiaddrs by the rules of the network code
//! that will use them, names, certificates.

use alloc::{
    format,
    string::{String, ToString},
};

use basalt_terms::{
    Multiaddr, PeerId,
    multiaddr::{Endpoint, HostName, Protocol},
};

use crate::{
    kind::Fault,
    tls::{self, TlsFault},
};

/// Any text.
pub(crate) fn any(_: &str) -> Result<(), Fault> {
    Ok(())
}

/// A peer id.
pub(crate) fn peer_id(text: &str) -> Result<(), Fault> {
    match text.parse::<PeerId>() {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::Quoting(format!("is wrong: {error}"))),
    }
}

/// A multiaddr of another peer, in a list.
pub(crate) fn peer_address(text: &str) -> Result<(), Fault> {
    let entry = |reason| Fault::Quoting(format!("has a wrong entry: {reason}"));
    multiaddr(text, Peer::Named).map_err(entry)
}

/// A multiaddr of the node's own, in a list.
pub(crate) fn own_address(text: &str) -> Result<(), Fault> {
    let entry = |reason| Fault::Quoting(format!("has a wrong entry: {reason}"));
    multiaddr(text, Peer::Own).map_err(entry)
}

/// A multiaddr of a server that is not a peer.
pub(crate) fn server_address(text: &str) -> Result<(), Fault> {
    let whole = |reason| Fault::Quoting(format!("is wrong: {reason}"));
    multiaddr(text, Peer::Own).map_err(whole)
}

/// Whether a multiaddr names the peer that it leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// It must end in `/p2p/..`.
    Named,
    /// It must not: it is the node's own address.
    Own,
}

/// Checks a multiaddr that the node, or a peer of its kind, is to dial; the error completes the
/// sentence "the entry is wrong: ..".
fn multiaddr(text: &str, peer: Peer) -> Result<(), String> {
    let address = text
        .parse::<Multiaddr>()
        .map_err(|error| error.to_string())?;
    let records = match address.iter().next() {
        Some(Protocol::Dnsaddr(domain)) => Some(domain),
        _ => None,
    };
    let (port, host, server_name) = match records {
        // Its records name the rest.
        Some(domain) => (None, HostName::Dns(domain.into()), None),
        None => {
            let endpoint = Endpoint::try_from(&address).map_err(|error| error.to_string())?;
            (Some(endpoint.port), endpoint.host, endpoint.server_name)
        }
    };
    let fault = match (&host, peer, address.peer_id()) {
        _ if port == Some(0) => "port 0 cannot be connected to",
        (HostName::Dns(name) | HostName::Dns4(name) | HostName::Dns6(name), ..)
            if !name.strip_suffix('.').unwrap_or(name).split('.').all(label) =>
        {
            "the host name is malformed"
        }
        _ if server_name
            .as_ref()
            .is_some_and(|name| !name.split('.').all(label)) =>
        {
            "the name after /sni is malformed"
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

/// The certificate of an authority, in a list.
pub(crate) fn root(text: &str) -> Result<(), Fault> {
    tls::check_root(text).map_err(|fault| Fault::Plain(format!("has a wrong entry: {fault}")))
}

/// The node's certificates. A file that holds the key too is refused: `/config` shows this text.
pub(crate) fn certificates(text: &str) -> Result<(), Fault> {
    match text.contains("PRIVATE KEY") {
        true => Err("holds a private key, too: move that into `key`".into()),
        false => Ok(()),
    }
}

/// The certificates of a text in PEM, without what stands around them: files often carry remarks
/// there, and whatever else somebody pasted.
pub(crate) fn certificates_alone(text: &str) -> String {
    let mut alone = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside |= line.starts_with("-----BEGIN CERTIFICATE-----");
        if inside {
            alone.push_str(line);
            alone.push('\n');
        }
        inside &= !line.starts_with("-----END CERTIFICATE-----");
    }
    alone
}

/// Certificates and their key together; the error names the key of the manifest that is wrong, with
/// the rest of a sentence about it.
pub(crate) fn certificate_and_key(
    certificate: &str,
    key: &str,
) -> Result<(), (&'static str, String)> {
    tls::check_certificate(certificate, key).map_err(|fault| {
        let wrong = match fault {
            TlsFault::Key => "tls.key",
            TlsFault::Certificate | TlsFault::Root => "tls.certificate",
        };
        (wrong, format!("cannot be used: {fault}"))
    })
}

/// A name for DHCP: one label.
pub(crate) fn hostname(text: &str) -> Result<(), Fault> {
    match label(text) {
        true => Ok(()),
        false => Err(Fault::Kind),
    }
}

/// Whether the text is one label of a host name (RFC 1123).
fn label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A disk's serial number or place: printable, and not longer than disks can tell.
pub(crate) fn disk_name(text: &str) -> Result<(), Fault> {
    /// Longest name. Serial numbers of NVMe, ATA and virtio disks have at most 20 characters.
    const LONGEST: usize = 40;
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.is_empty() || text.trim() != text || !printable {
        return Err(Fault::Kind);
    }
    if text.len() > LONGEST {
        let length = text.len();
        return Err(Fault::Plain(format!(
            "has {length} characters, more than any serial number"
        )));
    }
    Ok(())
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
        let cid = "bafzaajaiaejcaccrvnsutoxzqxfpfqvcavogvjqn64zbhmo55uxgv4rxu6jh52x2";
        assert_eq!(peer_id(cid), Ok(()));
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
            "/ip4/127.0.0.1/tcp/17002/tls/sni/node.test/ws/p2p/",
            "/dns/localhost/wss/p2p/",
            "/ip4/127.0.0.1/ws/p2p/",
            "/dns/a.example/wss/http-path/a%2Fb/p2p/",
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
            "/ip4/1.2.3.4/tcp/1/tls/sni/-a/ws",
            "/ip4/1.2.3.4/http-path/a",
            "/ip4/1.2.3.4/tcp/1/p2p/abc",
            "/dnsaddr/kras..example.org",
            "/dnsaddr/kras.example.org",
        ] {
            assert!(multiaddr(bad, Peer::Named).is_err(), "{bad}");
            assert!(multiaddr(bad, Peer::Own).is_err(), "{bad}");
        }
        let unnamed = multiaddr("/ip4/1.2.3.4/tcp/1", Peer::Named).unwrap_err();
        assert!(unnamed.contains("end in /p2p"), "{unnamed}");
        for other in [
            HASHED,
            "16Uiu2HAmPLe7Mzm8TsYUubgCAW1aJoeFScxrLj8ppHFivPo97bUZ",
        ] {
            assert_eq!(peer_id(other), Ok(()));
            for start in ["/ip4/1.2.3.4/tcp/1", "/dnsaddr/kras.example.org"] {
                let named = multiaddr(&format!("{start}/p2p/{other}"), Peer::Named);
                assert_eq!(named, Ok(()));
            }
        }
        let own = multiaddr(&format!("/ip4/1.2.3.4/tcp/1/p2p/{ID}"), Peer::Own).unwrap_err();
        assert!(own.contains("its own id"), "{own}");
    }
}
