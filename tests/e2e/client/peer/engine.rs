//! The swarm of a peer, of the version that the module above names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

use super::super::{Command, Event, Info, Journal, PARTICLE, Stream};
use super::rust_libp2p::core::{
    Transport as _, muxing::StreamMuxerBox, transport::OrTransport, upgrade,
};
use super::rust_libp2p::identity::Keypair;
use super::rust_libp2p::swarm::{self, NetworkBehaviour, SwarmEvent};
use super::rust_libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, identify, noise, ping, tcp, yamux,
};
use super::{inbound, rust_libp2p_stream};

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "super::rust_libp2p::swarm::derive_prelude")]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    outbound: rust_libp2p_stream::Behaviour,
    inbound: inbound::Behaviour,
}

/// Starts a swarm with a key, in its protobuf form, that listens on `addresses`.
pub(in super::super) fn start(
    key: &[u8],
    addresses: &[&str],
    streams: UnboundedSender<(libp2p::PeerId, Stream)>,
    orders: UnboundedReceiver<Command>,
    journal: Arc<Journal>,
) -> Result<JoinHandle<()>> {
    let keypair = Keypair::from_protobuf_encoding(key)?;
    let mut swarm = swarm(&keypair, streams)?;
    for address in addresses {
        swarm.listen_on(address.parse()?)?;
    }
    Ok(tokio::spawn(drive(swarm, orders, journal)))
}

fn swarm(
    keypair: &Keypair,
    streams: UnboundedSender<(libp2p::PeerId, Stream)>,
) -> Result<Swarm<Behaviour>> {
    let tcp = || tcp::tokio::Transport::new(tcp::Config::new().nodelay(true));
    let transport = OrTransport::new(super::WebSocket::new(tcp()), tcp())
        .upgrade(upgrade::Version::V1)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed();
    let identify = identify::Config::new("/fluence/particle/2.0.0".into(), keypair.public())
        .with_agent_version("basalt-tests".into());
    let behaviour = Behaviour {
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_secs(2))),
        outbound: rust_libp2p_stream::Behaviour::new(),
        inbound: inbound::Behaviour {
            protocol: StreamProtocol::new(PARTICLE),
            streams,
        },
    };
    let config =
        swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(600));
    Ok(Swarm::new(
        transport,
        behaviour,
        keypair.public().to_peer_id(),
        config,
    ))
}

async fn drive(
    mut swarm: Swarm<Behaviour>,
    mut orders: UnboundedReceiver<Command>,
    journal: Arc<Journal>,
) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => obey(&mut swarm, order, &journal),
                None => return,
            },
            event = swarm.select_next_some() => {
                if let Some(event) = translate(event) {
                    journal.write(event);
                }
            }
        }
    }
}

fn obey(swarm: &mut Swarm<Behaviour>, order: Command, journal: &Journal) {
    match order {
        Command::Dial(address) => {
            if let Err(error) = swarm.dial(theirs(&address)) {
                journal.write(Event::DialFailed(error.to_string()));
            }
        }
        Command::Disconnect(peer) => {
            if swarm.disconnect_peer_id(their_id(&peer)).is_err() {
                journal.write(Event::Disconnected(peer));
            }
        }
        Command::Open(peer, protocol, answer) => {
            let mut control = swarm.behaviour().outbound.new_control();
            tokio::spawn(async move {
                let protocol = StreamProtocol::new(protocol);
                let opened = control.open_stream(their_id(&peer), protocol).await;
                let opened = opened.map(|stream| Box::pin(stream) as Stream);
                // Whoever asked may have given up.
                let _ = answer.send(opened.map_err(anyhow::Error::from));
            });
        }
    }
}

fn translate(event: SwarmEvent<BehaviourEvent>) -> Option<Event> {
    Some(match event {
        SwarmEvent::NewListenAddr { address, .. } => Event::Listening(our(&address)),
        SwarmEvent::ConnectionEstablished {
            peer_id, endpoint, ..
        } => Event::Connected {
            peer: our_id(&peer_id),
            dialed: endpoint.is_dialer(),
        },
        SwarmEvent::ConnectionClosed {
            peer_id,
            num_established: 0,
            ..
        } => Event::Disconnected(our_id(&peer_id)),
        SwarmEvent::OutgoingConnectionError { error, .. } => Event::DialFailed(format!("{error}")),
        SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
            peer_id,
            info,
            ..
        })) => Event::Identified {
            peer: our_id(&peer_id),
            info: Box::new(Info {
                peer: our_id(&info.public_key.to_peer_id()),
                protocol_version: info.protocol_version,
                agent_version: info.agent_version,
                protocols: info.protocols.iter().map(ToString::to_string).collect(),
                listen_addrs: info.listen_addrs.iter().map(our).collect(),
                observed_addr: our(&info.observed_addr),
            }),
        },
        SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
            peer,
            result: Ok(_),
            ..
        })) => Event::Pinged {
            peer: our_id(&peer),
        },
        _ => return None,
    })
}

// Addresses and ids are written alike in all versions.

fn our(address: &Multiaddr) -> libp2p::Multiaddr {
    address.to_string().parse().expect("an address")
}

fn theirs(address: &libp2p::Multiaddr) -> Multiaddr {
    address.to_string().parse().expect("an address")
}

pub(super) fn our_id(id: &PeerId) -> libp2p::PeerId {
    libp2p::PeerId::from_bytes(&id.to_bytes()).expect("an id")
}

fn their_id(id: &libp2p::PeerId) -> PeerId {
    PeerId::from_bytes(&id.to_bytes()).expect("an id")
}
