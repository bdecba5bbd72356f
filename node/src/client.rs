//! A client of the network: it sends particles and collects what comes back. It runs no scripts by
//! itself; [`Client::requests`] tells what a particle that came back asks of its author.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::{Authored, Particle};
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{
    self, CannotDial, CannotSend, ConnId, Event, Input, Refusal, SendId, Swarm, Transport,
};
use basalt_net::time::Instant;
use bytes::Bytes;

use crate::host::Clock;
use crate::machine::{Effect, Machine};
use crate::script::{Aquavm, CallRequest, Interpreter, Run};

/// A peer that makes particles and takes them back, and passes none on.
pub struct Client {
    swarm: Swarm,
    keypair: Keypair,
    interpreter: Aquavm,
    effects: swarm::Effects,
    /// Peers that are connected.
    connected: Vec<PeerId>,
    /// Particles whose bytes did not all go to the transport yet.
    pub unsent: usize,
    /// Particles that came in, oldest first.
    pub received: VecDeque<Particle>,
}

impl Client {
    /// A client without connections. `seed` is fresh entropy.
    pub fn new(keypair: Keypair, config: swarm::Config, seed: [u8; 32]) -> Client {
        Client {
            swarm: Swarm::new(config, keypair.clone(), seed),
            keypair,
            interpreter: Aquavm::default(),
            effects: Vec::new(),
            connected: Vec::new(),
            unsent: 0,
            received: VecDeque::new(),
        }
    }

    /// Its identity.
    pub fn peer_id(&self) -> PeerId {
        self.swarm.peer_id()
    }

    /// Whether a peer is connected.
    pub fn is_connected(&self, peer: &PeerId) -> bool {
        self.connected.contains(peer)
    }

    /// Dials an address that ends in `/p2p/<id>`.
    ///
    /// # Errors
    /// It cannot be dialed.
    pub fn dial(
        &mut self,
        clock: Clock,
        address: &Multiaddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, CannotDial> {
        let dialed = self.swarm.dial(clock.now, address, &mut self.effects);
        self.apply_effects(out);
        dialed
    }

    /// A new particle of this client, signed.
    pub fn particle(
        &self,
        clock: Clock,
        id: impl Into<String>,
        script: impl Into<String>,
        ttl: u32,
    ) -> Particle {
        let mut authored = Authored {
            id: id.into(),
            init_peer_id: self.peer_id(),
            timestamp: clock.wall_ms,
            ttl,
            script: script.into(),
            signature: Vec::new(),
        };
        authored.sign(&self.keypair);
        Particle::new(authored, Bytes::new())
    }

    /// Sends a particle to a connected peer.
    ///
    /// # Errors
    /// It is not sent.
    pub fn send(
        &mut self,
        clock: Clock,
        peer: &PeerId,
        particle: &Particle,
        out: &mut Vec<Effect>,
    ) -> Result<SendId, CannotSend> {
        let sent = self
            .swarm
            .send(clock.now, peer, particle, &mut self.effects);
        self.unsent += usize::from(sent.is_ok());
        self.apply_effects(out);
        sent
    }

    /// The calls that a particle asks of this client: its script is run once over the data it
    /// brought.
    pub fn requests(&mut self, particle: &Particle) -> Vec<CallRequest> {
        let outcome = self.interpreter.run(Run {
            particle,
            scope: &self.keypair.peer_id(),
            key: &self.keypair,
            prev: &[],
            current: &particle.data,
            own: usize::MAX,
            results: Vec::new(),
        });
        outcome
            .requests
            .into_iter()
            .map(|(_, request)| request)
            .collect()
    }

    fn apply_effects(&mut self, out: &mut Vec<Effect>) {
        for effect in core::mem::take(&mut self.effects) {
            match effect.split() {
                Ok(effect) => out.push(effect),
                Err(Event::Connected { peer, first, .. }) if first => self.connected.push(peer),
                Err(Event::Disconnected { peer }) => self.connected.retain(|known| *known != peer),
                Err(Event::Sent { .. } | Event::SendFailed { .. }) => self.unsent -= 1,
                Err(Event::Particle { particle, .. }) => self.received.push_back(*particle),
                Err(_) => {}
            }
        }
    }
}

impl Machine for Client {
    fn accept(
        &mut self,
        clock: Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        let accepted = self
            .swarm
            .accept(clock.now, transport, remote, &mut self.effects);
        self.apply_effects(out);
        accepted
    }

    fn handle(&mut self, clock: Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        self.swarm.handle(clock.now, input, &mut self.effects);
        self.apply_effects(out);
    }

    fn work(&mut self, _: Clock, _: &mut Vec<Effect>) -> bool {
        false
    }

    fn wake_at(&self, _: Clock) -> Option<Instant> {
        self.swarm.wake_at()
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
