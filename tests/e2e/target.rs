//! What a suite is run against: a node that listens, wherever it runs.

use anyhow::{Context as _, Result, bail};
use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

/// A listening node, as its clients see it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The node's peer id.
    pub(crate) peer_id: PeerId,
    /// Where it listens for libp2p over TCP, with `/p2p/`.
    pub(crate) tcp: Multiaddr,
    /// Where it listens for libp2p over WebSocket, with `/p2p/`.
    pub(crate) ws: Multiaddr,
}

impl Target {
    /// Reads the line by which a node says that it listens:
    /// `basalt: listening peer_id=ID addrs=/ip4/../tcp/..,/ip4/../tcp/../ws ...`.
    pub(crate) fn from_line(line: &str) -> Result<Self> {
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
                .with_context(|| format!("no {name} in '{line}'"))
        };
        let peer_id: PeerId = field("peer_id")?.parse()?;
        let (mut tcp, mut ws) = (None, None);
        for address in field("addrs")?.split(',') {
            let address: Multiaddr = address.parse().with_context(|| address.to_owned())?;
            let is_ws = address.iter().any(|p| matches!(p, Protocol::Ws(_)));
            let slot = if is_ws { &mut ws } else { &mut tcp };
            *slot = Some(address);
        }
        let whole = |address: Option<Multiaddr>| {
            let address = address.with_context(|| format!("an address is missing in '{line}'"))?;
            address
                .with_p2p(peer_id)
                .map_err(|address| anyhow::anyhow!("{address} names another peer"))
        };
        Ok(Self {
            peer_id,
            tcp: whole(tcp)?,
            ws: whole(ws)?,
        })
    }

    /// The same node reached through forwarded ports of this host.
    pub(crate) fn forwarded(&self, tcp: u16, ws: u16) -> Self {
        let at = |port| {
            Multiaddr::empty()
                .with(Protocol::Ip4([127, 0, 0, 1].into()))
                .with(Protocol::Tcp(port))
        };
        Self {
            peer_id: self.peer_id,
            tcp: at(tcp).with(Protocol::P2p(self.peer_id)),
            ws: at(ws)
                .with(Protocol::Ws("/".into()))
                .with(Protocol::P2p(self.peer_id)),
        }
    }
}

/// The TCP port in an address.
pub(crate) fn port(address: &Multiaddr) -> Result<u16> {
    for part in address {
        if let Protocol::Tcp(port) = part {
            return Ok(port);
        }
    }
    bail!("no TCP port in {address}")
}
