//! Counters of a swarm.

use core::net::SocketAddr;
use core::time::Duration;

use super::conn_id::ConnId;
use crate::direction::Direction;
use crate::refusal::Refusal;
use basalt_terms::multiaddr::Transport;
use basalt_terms::peer_id::PeerId;

/// Counters since the start, and how things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Connections in any state.
    pub connections: usize,
    /// Of these, such that are dialing or being set up.
    pub set_ups: usize,
    /// Peers that are connected.
    pub peers: usize,
    /// Memory held for unfinished incoming particles, in bytes.
    pub held: usize,
    /// Streams that the others have open.
    pub streams: usize,
    /// Bytes that wait to be sent.
    pub queued: usize,
    /// Connections ever accepted.
    pub accepted: u64,
    /// Connections ever dialed.
    pub dialed: u64,
    /// Connections that finished their set-up.
    pub established: u64,
    /// Bytes ever taken from transports.
    pub bytes_in: u64,
    /// Bytes ever given to transports.
    pub bytes_out: u64,
    /// Particles that came in.
    pub particles_in: u64,
    /// Particles that went out whole.
    pub particles_out: u64,
    /// Particles that could not be sent after they were taken.
    pub sends_failed: u64,
    /// How often something was refused, in the order of [`Refusal::ALL`].
    pub refusals: [u64; Refusal::ALL.len()],
}

impl Status {
    /// How often something was refused for `reason`.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refusals[reason as usize]
    }

    pub(super) fn count(&mut self, reason: Refusal) {
        self.refusals[reason as usize] += 1;
    }
}

/// One connection, as a status page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionStatus {
    /// Its name.
    pub conn: ConnId,
    /// The peer at the other end, once proven.
    pub peer: Option<PeerId>,
    /// The address at the other end, once there is one.
    pub remote: Option<SocketAddr>,
    /// Who opened it.
    pub direction: Direction,
    /// What runs on TCP.
    pub transport: Transport,
    /// The last round trip that a ping measured.
    pub round_trip: Option<Duration>,
    /// Bytes of particles that wait to be sent.
    pub queued: usize,
}
