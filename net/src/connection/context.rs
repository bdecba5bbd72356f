//! What a connection is made from, and what it needs to know at each step.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use basalt_terms::multiaddr::Transport;
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

use super::limits::Limits;
use crate::direction::Direction;
use crate::{noise, tls};

/// What all connections of one peer share.
#[derive(Debug)]
pub struct Local {
    /// The identity that Noise shows.
    pub noise: noise::Identity,
    /// What identify tells, encoded, without the observed address.
    pub identify: Vec<u8>,
    /// TLS, if it is set up.
    pub tls: Option<Arc<tls::Context>>,
    /// The Kademlia protocol of this peer's network, if it takes part.
    pub kademlia: Option<String>,
    /// The budgets of each connection.
    pub limits: Limits,
}

/// What a connection needs to know at each step.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time.
    pub now: Instant,
    /// What all connections share.
    pub local: &'a Local,
    /// Bytes of unfinished particles that this connection may hold, as all of them together permit.
    pub allowance: usize,
}

/// How a new connection came about.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// What runs on TCP.
    pub transport: Transport,
    /// Who opened it.
    pub direction: Direction,
    /// The other end.
    pub remote: SocketAddr,
    /// The peer that must be at the other end; `None` takes any.
    pub expected: Option<PeerId>,
    /// The host as dialed, or the name that was given for it, without the port: whom a TLS
    /// certificate must be for.
    pub host: &'a str,
    /// The path that a WebSocket is asked at, without the slash in front.
    pub path: &'a str,
    /// The port that was dialed.
    pub port: u16,
    /// Randomness for the handshake, never used twice.
    pub entropy: [[u8; 32]; 2],
}
