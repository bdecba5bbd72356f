//! The settings and budgets of a swarm.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::route::RouteLimits;
use crate::{connection, kad, particle, tls};
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;

/// The settings of a swarm.
#[derive(Clone, Debug)]
pub struct Config {
    /// The family of protocols that identify names.
    pub protocol_version: String,
    /// The program that identify names.
    pub agent_version: String,
    /// The protocol of the network's Kademlia, such as `/fluence/kad/dar/1.0.0`; `None` takes no
    /// part in one.
    pub kademlia: Option<String>,
    /// Kademlia's budgets.
    pub kad: kad::Config,
    /// TLS, for `wss` addresses and listeners that take it.
    pub tls: Option<Arc<tls::Context>>,
    /// Peers to be connected with at all times.
    pub bootstrap: Vec<Multiaddr>,
    /// Peers whose connections never give way to others: the operator.
    pub kept_peers: Vec<PeerId>,
    /// Whether connections to peers that do not speak the particle protocol are closed, as nox
    /// does.
    pub particles_only: bool,
    /// The budgets of all connections together.
    pub limits: Limits,
    /// The budgets of each connection.
    pub connection: connection::Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            protocol_version: particle::PROTOCOL.into(),
            agent_version: concat!("basalt/", env!("CARGO_PKG_VERSION")).into(),
            kademlia: None,
            kad: kad::Config::default(),
            tls: None,
            bootstrap: Vec::new(),
            kept_peers: Vec::new(),
            particles_only: false,
            limits: Limits::default(),
            connection: connection::Limits::default(),
        }
    }
}

/// What all connections together may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in any state. Bounds the memory for all of them; beyond it an incoming one takes
    /// the place of the idlest of the address that has most.
    pub max_connections: usize,
    /// How many of these places only our own dials get. Against floods of connections that cut the
    /// node off from its bootstrap peers.
    pub dial_places: usize,
    /// How many of these places are left to addresses that have no connection here yet. Against a
    /// few addresses that together lock everybody out, the operator too.
    pub newcomer_places: usize,
    /// Connections that are being set up; an incoming one beyond it takes the place of the oldest.
    /// Bounds peers that connect and prove nothing, while those that are quick still get in.
    pub max_set_ups: usize,
    /// Incoming connections from one address that are being set up. Bounds what one machine can
    /// take of them. Addresses are told apart as below.
    pub max_set_ups_per_address: usize,
    /// Connections of one peer; a newer one replaces the oldest. Bounds peers that connect again
    /// and again, without locking out one whose old connections died silently.
    pub max_per_peer: usize,
    /// Inbound connections from one IPv4 address or IPv6 /64. Bounds what one machine can take from
    /// the others. The loopback address, where proxies live, is exempt.
    pub max_per_address: usize,
    /// Memory for unfinished incoming particles of all connections, in bytes. Bounds many peers
    /// that each stay within their own budget. One connection gets no more than half of what the
    /// others leave, so that there is always something left for the next.
    pub max_held: usize,
    /// Streams that the others have open on all connections, some 900 bytes each. Bounds many
    /// connections with many streams each; shared out in the same way, but each connection may
    /// have a few.
    pub max_streams: usize,
    /// Bytes that wait to be sent on all connections. Bounds many peers that each read slowly;
    /// shared out in the same way.
    pub max_queued: usize,
    /// Time without use after which a connection that was made for Kademlia's questions is closed.
    /// Bounds how many peers a search leaves us connected with.
    pub passing_idle: Duration,
    /// Names that local peers told, which may lead to local addresses, and local addresses. Bounds
    /// what they make us remember.
    pub max_local_hosts: usize,
    /// What the records of a `/dnsaddr` can make us do.
    pub route: RouteLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 16 * 1024,
            dial_places: 64,
            newcomer_places: 64,
            max_set_ups: 1024,
            max_set_ups_per_address: 128,
            max_per_peer: 5,
            max_per_address: 1024,
            max_held: 512 * 1024 * 1024,
            max_streams: 64 * 1024,
            max_queued: 512 * 1024 * 1024,
            passing_idle: Duration::from_secs(180),
            max_local_hosts: 1024,
            route: RouteLimits::default(),
        }
    }
}

/// Of all places: one in so many is kept for dials, and one for newcomers.
const KEPT: usize = 16;
/// Of the places of incoming connections: one in so many is the most that an address gets.
const PER_ADDRESS: usize = 4;

impl Limits {
    /// Makes the limits fit an edge that has this many sockets for connections: shares of a place
    /// are below the whole, however few there are.
    pub fn fit(&mut self, sockets: usize) {
        let all = self.max_connections.min(sockets);
        self.max_connections = all;
        self.dial_places = self.dial_places.min(all / KEPT);
        self.newcomer_places = self.newcomer_places.min(all / KEPT);
        let inbound = all - self.dial_places - self.newcomer_places;
        self.max_per_address = self.max_per_address.min(inbound / PER_ADDRESS).max(1);
        // Below the places of all, so that the oldest without a proof gives way before they are
        // used up.
        self.max_set_ups = self.max_set_ups.min(inbound / 2).max(1);
        self.max_set_ups_per_address = self.max_set_ups_per_address.min(self.max_per_address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(sockets: usize) -> Limits {
        let mut limits = Limits::default();
        limits.fit(sockets);
        limits
    }

    #[test]
    fn shares_are_below_the_whole_however_little_there_is() {
        for sockets in (8..2000).chain([1 << 14, 1 << 15, usize::MAX]) {
            let limits = fitted(sockets);
            let kept = limits.dial_places + limits.newcomer_places;
            assert!(limits.max_connections <= sockets);
            let inbound = limits.max_connections - kept;
            assert!(limits.max_per_address < inbound, "{sockets}");
            assert!(limits.max_set_ups < inbound, "{sockets}");
            assert!(limits.max_set_ups_per_address <= limits.max_per_address);
            assert!(sockets < 2 * KEPT || kept >= 4, "{sockets}");
        }
    }

    #[test]
    fn where_there_is_room_nothing_changes() {
        let (limits, usual) = (fitted(usize::MAX), Limits::default());
        assert_eq!(limits.max_connections, usual.max_connections);
        assert_eq!(limits.max_per_address, usual.max_per_address);
        assert_eq!(limits.max_set_ups, usual.max_set_ups);
        assert_eq!(limits.dial_places, usual.dial_places);
    }
}
