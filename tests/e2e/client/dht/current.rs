//! The current version.

use std::time::Duration;

use libp2p as rust_libp2p;
use libp2p::kad::{Config, PeerInfo};
use libp2p::{PeerId, StreamProtocol};
use libp2p_websocket::Config as WebSocket;

/// Kademlia's settings.
fn config(protocol: StreamProtocol, timeout: Duration) -> Config {
    let mut config = Config::new(protocol);
    config.set_query_timeout(timeout);
    config
}

fn found(peer: PeerInfo) -> PeerId {
    peer.peer_id
}

#[path = "citizen.rs"]
pub(super) mod citizen;
