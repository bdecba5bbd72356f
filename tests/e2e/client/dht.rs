//! A rust-libp2p peer that takes part in Kademlia, with the behaviours that nox has.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, QueryId, QueryResult};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, identify, noise, ping, tcp, yamux};
use tokio::sync::{mpsc, oneshot};

/// The time nox gives a search.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
}

enum Command {
    Dial(Multiaddr),
    /// Search a peer; the answer is whom the search came to, closest first.
    Find(PeerId, oneshot::Sender<Vec<PeerId>>),
}

/// A running citizen; it ends when dropped.
pub(crate) struct Citizen {
    /// Its id.
    pub(crate) id: PeerId,
    /// Where it listens, with its id.
    pub(crate) address: Multiaddr,
    commands: mpsc::UnboundedSender<Command>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Citizen {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Citizen {
    /// Starts a peer of the network whose Kademlia speaks `protocol`.
    pub(crate) async fn start(protocol: &'static str) -> Result<Self> {
        let protocol = StreamProtocol::new(protocol);
        let mut swarm = libp2p::SwarmBuilder::with_existing_identity(Keypair::generate_ed25519())
            .with_tokio()
            .with_tcp(
                tcp::Config::new().nodelay(true),
                noise::Config::new,
                yamux::Config::default,
            )?
            .with_behaviour(|keypair| behaviour(keypair, protocol.clone()))?
            .build();
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address;
            }
        };
        let id = *swarm.local_peer_id();
        let (commands, orders) = mpsc::unbounded_channel();
        Ok(Self {
            id,
            address: address
                .with_p2p(id)
                .ok()
                .context("another peer's address")?,
            commands,
            task: tokio::spawn(drive(swarm, protocol, orders)),
        })
    }

    /// Dials an address.
    pub(crate) fn dial(&self, address: &Multiaddr) -> Result<()> {
        let order = Command::Dial(address.clone());
        self.commands.send(order).ok().context("the swarm ended")
    }

    /// Searches the peers closest to `target`.
    pub(crate) async fn find(&self, target: PeerId) -> Result<Vec<PeerId>> {
        let (answer, found) = oneshot::channel();
        let order = Command::Find(target, answer);
        self.commands.send(order).ok().context("the swarm ended")?;
        found.await.context("the search ended without a result")
    }
}

fn behaviour(keypair: &Keypair, protocol: StreamProtocol) -> Behaviour {
    let id = keypair.public().to_peer_id();
    let identify = identify::Config::new("/fluence/particle/2.0.0".into(), keypair.public());
    let mut config = kad::Config::new(protocol);
    config.set_query_timeout(QUERY_TIMEOUT);
    let mut kad = kad::Behaviour::with_config(id, MemoryStore::new(id), config);
    kad.set_mode(Some(kad::Mode::Server));
    Behaviour {
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        kad,
    }
}

async fn drive(
    mut swarm: Swarm<Behaviour>,
    protocol: StreamProtocol,
    mut orders: mpsc::UnboundedReceiver<Command>,
) {
    let mut searches: Vec<(QueryId, oneshot::Sender<Vec<PeerId>>)> = Vec::new();
    loop {
        let event = tokio::select! {
            order = orders.recv() => {
                match order {
                    // The bootstrap peer listens: if it cannot be dialed the searches tell.
                    Some(Command::Dial(address)) => drop(swarm.dial(address)),
                    Some(Command::Find(target, answer)) => {
                        let query = swarm.behaviour_mut().kad.get_closest_peers(target);
                        searches.push((query, answer));
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
                let peers = peers.into_iter().map(|peer| peer.peer_id).collect();
                // Whoever asked may have given up.
                let _ = searches.swap_remove(at).1.send(peers);
            }
            _ => {}
        }
    }
}
