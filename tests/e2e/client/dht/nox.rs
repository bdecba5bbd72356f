//! The version that nox is built with.

use std::time::Duration;

use libp2p_0_53 as rust_libp2p;
use libp2p_0_53::kad::Config;
use libp2p_0_53::{PeerId, StreamProtocol};
use libp2p_websocket_0_43::WsConfig as WebSocket;

/// Kademlia's settings.
fn config(protocol: StreamProtocol, timeout: Duration) -> Config {
    let mut config = Config::default();
    config
        .set_protocol_names(vec![protocol])
        .set_query_timeout(timeout);
    config
}

fn found(peer: PeerId) -> PeerId {
    peer
}

#[allow(
    clippy::duplicate_mod,
    reason = "the same peer with another version of its library"
)]
#[path = "citizen.rs"]
pub(super) mod citizen;
