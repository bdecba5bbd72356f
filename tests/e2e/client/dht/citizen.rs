//! One citizen, of the version that the module above names.

use std::time::Duration;

use anyhow::{Result, anyhow};
use basalt_net::peer_id::PeerId as OurPeerId;
use futures::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::Command;
use super::rust_libp2p::core::{
    Transport as _, muxing::StreamMuxerBox, transport::OrTransport, upgrade,
};
use super::rust_libp2p::identity::Keypair;
use super::rust_libp2p::kad::store::MemoryStore;
use super::rust_libp2p::kad::{self, QueryId, QueryResult};
use super::rust_libp2p::swarm::{self, NetworkBehaviour, SwarmEvent};
use super::rust_libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, identify, noise, ping, tcp, yamux,
};

/// The time nox gives a search.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than any trial.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "super::rust_libp2p::swarm::derive_prelude")]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
}

/// Starts a citizen; gives the address where it listens, with its id.
pub(in super::super) async fn start(
    protocol: &'static str,
    orders: mpsc::UnboundedReceiver<Command>,
) -> Result<(String, JoinHandle<()>)> {
    let protocol = StreamProtocol::new(protocol);
    let keypair = Keypair::generate_ed25519();
    let tcp = || tcp::tokio::Transport::new(tcp::Config::new().nodelay(true));
    let transport = OrTransport::new(super::WebSocket::new(tcp()), tcp())
        .upgrade(upgrade::Version::V1)
        .authenticate(noise::Config::new(&keypair)?)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed();
    let id = keypair.public().to_peer_id();
    let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE_TIMEOUT);
    let mut swarm = Swarm::new(transport, behaviour(&keypair, protocol.clone()), id, config);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    let task = tokio::spawn(drive(swarm, protocol, orders));
    Ok((format!("{address}/p2p/{id}"), task))
}

fn behaviour(keypair: &Keypair, protocol: StreamProtocol) -> Behaviour {
    let id = keypair.public().to_peer_id();
    let identify = identify::Config::new("/fluence/particle/2.0.0".into(), keypair.public());
    let config = super::config(protocol, QUERY_TIMEOUT);
    let mut kad = kad::Behaviour::with_config(id, MemoryStore::new(id), config);
    kad.set_mode(Some(kad::Mode::Server));
    Behaviour {
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        kad,
    }
}

fn theirs(id: &OurPeerId) -> Result<PeerId> {
    PeerId::from_bytes(id.as_bytes()).map_err(|error| anyhow!("{error}"))
}

fn ours(id: PeerId) -> Result<OurPeerId> {
    Ok(OurPeerId::from_bytes(&id.to_bytes())?)
}

async fn drive(
    mut swarm: Swarm<Behaviour>,
    protocol: StreamProtocol,
    mut orders: mpsc::UnboundedReceiver<Command>,
) {
    let mut searches: Vec<(QueryId, oneshot::Sender<Vec<OurPeerId>>)> = Vec::new();
    loop {
        let event = tokio::select! {
            order = orders.recv() => {
                match order {
                    Some(Command::Dial(address)) => {
                        // Who is dialed listens: if it cannot be reached the searches tell.
                        if let Ok(address) = address.to_string().parse::<Multiaddr>() {
                            let _ = swarm.dial(address);
                        }
                    }
                    Some(Command::Find(target, answer)) => {
                        if let Ok(target) = theirs(&target) {
                            let query = swarm.behaviour_mut().kad.get_closest_peers(target);
                            searches.push((query, answer));
                        }
                    }
                    None => return,
                }
                continue;
            }
            event = swarm.select_next_some() => event,
        };
        match event {
            // As nox does: who lists the network's Kademlia enters the table.
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) if info.protocols.contains(&protocol) => {
                for address in info.listen_addrs {
                    swarm.behaviour_mut().kad.add_address(&peer_id, address);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                id,
                result: QueryResult::GetClosestPeers(result),
                ..
            })) => {
                let Some(at) = searches.iter().position(|(query, _)| *query == id) else {
                    continue;
                };
                let peers = match result {
                    Ok(found) => found.peers,
                    Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
                let peers = peers.into_iter().map(super::found).map(ours);
                // Whoever asked may have given up.
                let _ = searches.swap_remove(at).1.send(peers.flatten().collect());
            }
            _ => {}
        }
    }
}
