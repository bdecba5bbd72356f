//! Our swarm alone, on the hosted reactor in a thread of this process: for what a whole node does
//! not show.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use basalt_hosted::clock::Clocks;
use basalt_hosted::reactor::{Reactor, Stop};
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{self, ConnId, Event, Input, Refusal, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::tls;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine};

use crate::PATIENCE;

/// How often a citizen looks for orders.
const GLANCE: Duration = Duration::from_millis(20);

enum Order {
    Find(PeerId, mpsc::Sender<bool>),
    Table(mpsc::Sender<Vec<PeerId>>),
    IsConnected(PeerId, mpsc::Sender<bool>),
}

/// A running citizen; it ends when dropped.
pub(crate) struct Citizen {
    /// Its id.
    pub(crate) id: PeerId,
    /// Where it listens, with its id.
    pub(crate) address: Multiaddr,
    orders: mpsc::Sender<Order>,
    stop: Stop,
}

impl Drop for Citizen {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

impl Citizen {
    /// Starts a peer of the network whose Kademlia speaks `protocol`; it stays connected to
    /// `bootstrap`.
    pub(crate) fn start(
        protocol: &str,
        bootstrap: &[String],
        transport: Transport,
    ) -> Result<Self> {
        let addresses = bootstrap.iter().map(|address| address.parse());
        let config = swarm::Config {
            kademlia: Some(protocol.into()),
            bootstrap: addresses.collect::<Result<_, _>>()?,
            ..swarm::Config::default()
        };
        Self::with(config, "127.0.0.1:0", transport)
    }

    /// Starts a swarm that listens at `listen`.
    pub(crate) fn with(config: swarm::Config, listen: &str, transport: Transport) -> Result<Self> {
        let random = || -> Result<[u8; 32]> {
            let bytes = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes);
            bytes.concat().try_into().map_err(|_| anyhow!("no seed"))
        };
        let keypair = Keypair::from_seed(random()?);
        let id = keypair.peer_id();
        let (orders, inbox) = mpsc::channel();
        let member = Member {
            tls: config.tls.clone(),
            swarm: Swarm::new(config, keypair, random()?),
            orders: inbox,
            searches: Vec::new(),
            effects: Vec::new(),
        };
        let mut reactor = Reactor::new(member, Clocks::start())?;
        let address = Multiaddr::from_socket(reactor.listen(listen.parse()?, transport)?);
        let address = match (transport, &reactor.driver.machine.tls) {
            (Transport::WebSocket, None) => address.with(Protocol::Ws),
            _ => address,
        };
        let Clock { now, wall_ms } = reactor.clock();
        let mut out = Vec::new();
        let Member {
            swarm,
            effects,
            tls,
            ..
        } = &mut reactor.driver.machine;
        if let Some(tls) = tls {
            tls.set_wall(wall_ms);
        }
        swarm.set_listen_addresses(now, vec![address.clone()], effects);
        reactor.driver.machine.settle(&mut out);
        reactor.perform(out);
        let stop = reactor.stopper();
        std::thread::spawn(move || reactor.run(|_| false));
        Ok(Self {
            id,
            address: format!("{address}/p2p/{id}").parse()?,
            orders,
            stop,
        })
    }

    /// Searches a peer; whether anybody knows where it is. Blocks.
    pub(crate) fn find(&self, target: PeerId) -> Result<bool> {
        let (answer, found) = mpsc::channel();
        self.ask(Order::Find(target, answer), &found)
    }

    /// The peers in its routing table. Blocks.
    pub(crate) fn table(&self) -> Result<Vec<PeerId>> {
        let (answer, table) = mpsc::channel();
        self.ask(Order::Table(answer), &table)
    }

    /// Whether a peer is connected. Blocks.
    pub(crate) fn is_connected(&self, peer: PeerId) -> Result<bool> {
        let (answer, connected) = mpsc::channel();
        self.ask(Order::IsConnected(peer, answer), &connected)
    }

    fn ask<T>(&self, order: Order, answer: &mpsc::Receiver<T>) -> Result<T> {
        self.orders.send(order).ok().context("the reactor ended")?;
        Ok(answer.recv_timeout(PATIENCE)?)
    }
}

struct Member {
    tls: Option<Arc<tls::Context>>,
    swarm: Swarm,
    orders: mpsc::Receiver<Order>,
    searches: Vec<(PeerId, mpsc::Sender<bool>)>,
    effects: swarm::Effects,
}

impl Member {
    fn settle(&mut self, out: &mut Vec<Effect>) {
        for effect in self.effects.drain(..) {
            match effect.split() {
                Ok(effect) => out.push(effect),
                Err(Event::Found {
                    peer, addresses, ..
                }) => {
                    self.searches.retain(|(target, answer)| {
                        let is_it = *target == peer;
                        // Whoever asked may have given up.
                        let _ = is_it.then(|| answer.send(!addresses.is_empty()));
                        !is_it
                    });
                }
                Err(_) => {}
            }
        }
    }
}

impl Machine for Member {
    fn accept(
        &mut self,
        clock: Clock,
        transport: Transport,
        remote: std::net::SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        let accepted = self
            .swarm
            .accept(clock.now, transport, remote, &mut self.effects);
        self.settle(out);
        accepted
    }

    fn handle(&mut self, clock: Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        self.swarm.handle(clock.now, input, &mut self.effects);
        self.settle(out);
    }

    fn work(&mut self, clock: Clock, out: &mut Vec<Effect>) -> bool {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Find(target, answer) => {
                    match self.swarm.find(clock.now, target, &mut self.effects) {
                        Ok(()) => self.searches.push((target, answer)),
                        Err(_) => drop(answer),
                    }
                }
                Order::IsConnected(peer, answer) => {
                    let _ = answer.send(self.swarm.is_connected(&peer));
                }
                Order::Table(answer) => {
                    let table = self.swarm.routing_table().copied().collect();
                    let _ = answer.send(table);
                }
            }
        }
        self.settle(out);
        false
    }

    fn wake_at(&self, clock: Clock) -> Option<Instant> {
        let glance = clock.now + GLANCE;
        Some(self.swarm.wake_at().map_or(glance, |at| at.min(glance)))
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        self.swarm.transmit(conn, buffer)
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        self.swarm.has_output(conn)
    }

    fn receive_capacity(&mut self, conn: ConnId) -> usize {
        self.swarm.receive_capacity(conn)
    }
}
