//! The settings and budgets of a swarm.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::route::RouteLimits;
use crate::{connection, kad, particle, tls};
use basalt_terms::multiaddr::Multiaddr;

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
            particles_only: false,
            limits: Limits::default(),
            connection: connection::Limits::default(),
        }
    }
}

/// What all connections together may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in any state. Bounds the memory for all of them.
    pub max_connections: usize,
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
            max_set_ups: 1024,
            max_set_ups_per_address: 128,
            max_per_peer: 5,
            max_per_address: 1024,
            max_held: 512 * 1024 * 1024,
            max_queued: 512 * 1024 * 1024,
            passing_idle: Duration::from_secs(180),
            max_local_hosts: 1024,
            route: RouteLimits::default(),
        }
    }
}
