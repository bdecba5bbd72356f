//! The current version.

use libp2p as rust_libp2p;
use libp2p_stream as rust_libp2p_stream;
use libp2p_websocket::Config as WebSocket;

/// The one signature that differs between the versions.
macro_rules! established_outbound {
    () => {
        fn handle_established_outbound_connection(
            &mut self,
            _: ConnectionId,
            remote: PeerId,
            _: &Multiaddr,
            _: Endpoint,
            _: super::rust_libp2p::core::transport::PortUse,
        ) -> Result<THandler<Self>, ConnectionDenied> {
            Ok(self.handler(remote))
        }
    };
}
use established_outbound;

#[path = "engine.rs"]
pub(super) mod engine;
#[path = "inbound.rs"]
mod inbound;
