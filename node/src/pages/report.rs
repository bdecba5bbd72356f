//! What the pages tell of.

use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::swarm;

use crate::actors;
use crate::host::Versions;
use crate::rooms::Rooms;
use crate::status::DeviceReport;

/// What the operator can see of a peer.
#[derive(Debug, Clone)]
pub struct Status {
    /// The peer's id.
    pub peer_id: PeerId,
    /// Its connections.
    pub swarm: swarm::Status,
    /// Bytes of particles that came in and wait to be checked.
    pub inbox: usize,
    /// Number of these.
    pub inbox_particles: usize,
    /// Its particles.
    pub node: actors::Status,
    /// The devices in use.
    pub devices: Vec<DeviceReport>,
}

/// How peers were reached that particles or calls of `peer.connect` were for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Contacts {
    /// Connected already, or reached at a known address.
    pub(crate) local: u64,
    /// Found in the network and reached.
    pub(crate) found: u64,
    /// Not known to the network.
    pub(crate) not_found: u64,
    /// The network could not be asked.
    pub(crate) cannot_ask: u64,
    /// Found, but not reached.
    pub(crate) not_reached: u64,
    /// Connections with bootstrap peers that were made.
    pub(crate) bootstrap_connected: u64,
    /// Connections with bootstrap peers that ended.
    pub(crate) bootstrap_disconnected: u64,
}

/// Everything that the pages are made of.
pub(crate) struct Report<'a> {
    pub(crate) status: Status,
    pub(crate) rooms: &'a Rooms,
    pub(crate) versions: &'a Versions,
    /// Bootstrap peers that are configured, and whether one is connected.
    pub(crate) bootstrap: (usize, bool),
    /// What became of connections to peers that particles were for.
    pub(crate) contacts: &'a Contacts,
    /// The effective configuration, without secrets.
    pub(crate) config: &'a str,
    /// Metrics of the machine around the node, in the OpenMetrics format without its end mark.
    pub(crate) machine: &'a str,
}
