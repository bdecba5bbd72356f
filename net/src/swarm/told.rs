//! What connected peers have told of themselves.

use alloc::vec::Vec;

use basalt_terms::multiaddr::Multiaddr;

/// What is kept of a peer's identify messages while it is connected. A push may carry only what has
/// changed (libp2p "identify", section "identify/push"): this is what the rest of it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Where it can be dialed.
    pub(super) addresses: Vec<Multiaddr>,
    /// Whether it takes part in the Kademlia of this peer's network; `None` until it has listed its
    /// protocols.
    pub(super) of_network: Option<bool>,
}
