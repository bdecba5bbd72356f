//! What a suite is run against: a node that listens, wherever it runs.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use basalt_qemu::Verdict;
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
    /// Reads what a node says of itself: `basalt: listening peer_id=ID
    /// addrs=/ip4/../tcp/..,/ip4/../tcp/../ws ...`.
    pub(crate) fn told_by(line: &str) -> Result<Self> {
        let Some(Verdict::Listening(said)) = Verdict::of_line(line) else {
            bail!("it does not listen: {line}");
        };
        let peer_id: PeerId = said.peer_id.parse()?;
        let (mut tcp, mut ws) = (None, None);
        for address in &said.addresses {
            let address: Multiaddr = address.parse().with_context(|| address.clone())?;
            let is_ws = address.iter().any(|p| matches!(p, Protocol::Ws(_)));
            let slot = if is_ws { &mut ws } else { &mut tcp };
            *slot = Some(address.with(Protocol::P2p(peer_id)));
        }
        Ok(Self {
            peer_id,
            tcp: tcp.context("no TCP address")?,
            ws: ws.context("no WebSocket address")?,
        })
    }

    /// The same node reached through forwarded ports.
    pub(crate) fn forwarded(&self, tcp: SocketAddr, ws: SocketAddr) -> Self {
        Self {
            peer_id: self.peer_id,
            tcp: moved(&self.tcp, tcp),
            ws: moved(&self.ws, ws),
        }
    }
}

/// `address` with another IP address and TCP port in it.
pub(crate) fn moved(address: &Multiaddr, to: SocketAddr) -> Multiaddr {
    address
        .iter()
        .map(|part| match part {
            Protocol::Ip4(_) => Protocol::from(to.ip()),
            Protocol::Tcp(_) => Protocol::Tcp(to.port()),
            other => other,
        })
        .collect()
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
