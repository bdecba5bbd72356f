//! Takes every stream of one protocol that remotes open: a burst of them, too, which
//! `libp2p-stream` would thin out.

use std::convert::Infallible;
use std::task::{Context, Poll};

use tokio::sync::mpsc::UnboundedSender;

use super::super::Stream;
use super::engine::our_id;
use super::rust_libp2p::core::upgrade::{DeniedUpgrade, ReadyUpgrade};
use super::rust_libp2p::core::{Endpoint, Multiaddr};
use super::rust_libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound};
use super::rust_libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use super::rust_libp2p::{PeerId, StreamProtocol};

/// Hands on the streams of `protocol`, with the peer that opened each.
pub(super) struct Behaviour {
    pub(super) protocol: StreamProtocol,
    pub(super) streams: UnboundedSender<(libp2p::PeerId, Stream)>,
}

/// The same for one connection.
pub(super) struct Handler {
    remote: PeerId,
    protocol: StreamProtocol,
    streams: UnboundedSender<(libp2p::PeerId, Stream)>,
}

impl Behaviour {
    fn handler(&self, remote: PeerId) -> Handler {
        Handler {
            remote,
            protocol: self.protocol.clone(),
            streams: self.streams.clone(),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        remote: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(remote))
    }

    super::established_outbound!();

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol, ()> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol, (), ()>,
    ) {
        if let ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
            protocol: stream,
            ..
        }) = event
        {
            // The reader is gone when the peer is being dropped.
            let _ = self.streams.send((our_id(&self.remote), Box::pin(stream)));
        }
    }
}
