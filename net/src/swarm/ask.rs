//! What Kademlia waits for while a peer is being dialed.

use alloc::vec::Vec;

use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;

use crate::kad::QueryId;

/// Why Kademlia needs a connection to a peer.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To ask it who is close to `target`.
    Question { query: QueryId, target: PeerId },
    /// To see whether it can still be reached.
    Check,
}

/// A peer that is being dialed for Kademlia, and what waits for the connection.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) peer: PeerId,
    pub(super) purposes: Vec<Purpose>,
    /// Addresses that were not tried yet.
    pub(super) rest: Vec<Multiaddr>,
}
