//! The version that nox is built with.

use libp2p_0_53 as rust_libp2p;
use libp2p_stream_0_1 as rust_libp2p_stream;
use libp2p_websocket_0_43::WsConfig as WebSocket;

/// The one signature that differs between the versions.
macro_rules! established_outbound {
    () => {
        fn handle_established_outbound_connection(
            &mut self,
            _: ConnectionId,
            remote: PeerId,
            _: &Multiaddr,
            _: Endpoint,
        ) -> Result<THandler<Self>, ConnectionDenied> {
            Ok(self.handler(remote))
        }
    };
}
use established_outbound;

#[allow(
    clippy::duplicate_mod,
    reason = "the same peer with another version of its library"
)]
#[path = "engine.rs"]
pub(super) mod engine;
#[allow(
    clippy::duplicate_mod,
    reason = "the same peer with another version of its library"
)]
#[path = "inbound.rs"]
mod inbound;
