//! One peer: all its connections and its logic joined.
//!
//! [`Peer`] is a [`Machine`] whose edge moves the bytes; what happens on the connections is handled in here:
//! particles go to the [`Node`] and from it, contacts are kept, calls that need a connection are answered.

mod absent;
mod contacts;
mod inbox;
mod seek;
mod trace;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use basalt_manifest::Manifest;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::{Multiaddr, MultiaddrError};
use basalt_net::particle::Particle;
use basalt_net::peer_id::{PeerId, PeerIdError};
use basalt_net::swarm::{self, CannotSend, ConnId, Direction, Event, Input, Swarm, Transport};
use basalt_net::time::Instant;
use basalt_net::tls;

use crate::air::Aquavm;
use crate::compute::Done;
use crate::disk::DiskDone;
use crate::host::{Clock, Host, Versions};
use crate::http;
use crate::limits::{Limits, ServiceLimits};
use crate::machine::{Effect, Machine};
use crate::node::{self, Node};
use crate::quoted::Quoted;
use crate::refusal::{Refusal, rarely};
use crate::rooms::{Parts, Rooms};
use crate::services;
use crate::state::State;
use crate::status::DeviceReport;
use absent::Origin;
use contacts::{Contacts, View};
use inbox::Inbox;
use seek::{Seeks, Stage};
use trace::Trace;

pub use inbox::Limits as InboxLimits;
pub use seek::Limits as SeekLimits;
pub use trace::Subject;

/// What the owner of a peer decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// The network: part of the Kademlia protocol's name.
    pub network: String,
    /// Version told by identify and `peer.identify`.
    pub version: String,
    /// The operator's peer id.
    pub management: Option<PeerId>,
    /// Addresses under which others reach the peer.
    pub external_addresses: Vec<Multiaddr>,
    /// Peers to stay connected to, each with `/p2p/<id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// TLS, which the edge makes of [`tls_settings`] and fresh entropy.
    pub tls: Option<Arc<tls::Context>>,
    /// What is traced in the log.
    pub trace: Option<Subject>,
    /// Everything as text, without secrets, for the operator.
    pub text: String,
    /// Budgets of connections.
    pub connections: swarm::Limits,
    /// Budgets of what came in and waits for its turn.
    pub inbox: InboxLimits,
    /// Budgets of what waits for peers that are not connected.
    pub seeks: SeekLimits,
    /// Budgets of particles.
    pub particles: Limits,
    /// Budgets of services.
    pub services: ServiceLimits,
    /// Executions per [`Machine::work`], so that scripts and connections take turns.
    pub steps_per_turn: usize,
}

impl Config {
    /// What a manifest says, with default budgets.
    ///
    /// # Errors
    /// The manifest holds a text that is no peer id or multiaddr, which its own check rules out.
    pub fn from_manifest(manifest: &Manifest, version: &str) -> Result<Config, ConfigError> {
        let addresses = |texts: &[String]| {
            let parsed = texts
                .iter()
                .map(|text| text.parse().map_err(ConfigError::Address));
            parsed.collect::<Result<Vec<Multiaddr>, ConfigError>>()
        };
        let management = manifest.node.management_peer_id.as_deref();
        let mut particles = Limits::default();
        particles.set(&manifest.particles, particles.max_memory);
        Ok(Config {
            network: manifest.node.network.to_string(),
            version: version.into(),
            management: management
                .map(str::parse)
                .transpose()
                .map_err(ConfigError::ManagementPeerId)?,
            external_addresses: addresses(&manifest.network.external_addresses)?,
            bootstrap: addresses(&manifest.node.bootstrap)?,
            tls: None,
            trace: manifest.log.trace.as_deref().map(Subject::from),
            text: http::config_text(manifest),
            connections: swarm::Limits::default(),
            inbox: InboxLimits::default(),
            seeks: SeekLimits::default(),
            particles,
            services: ServiceLimits {
                host_cores: manifest.cores.host_services.into(),
                ..ServiceLimits::default()
            },
            steps_per_turn: 32,
        })
    }
}

/// What a manifest says about TLS. The authorities that browsers trust are trusted as well.
pub fn tls_settings(manifest: &Manifest) -> tls::Settings {
    tls::Settings {
        certificate: manifest.tls.certificate.clone(),
        roots: manifest.tls.roots.clone(),
        web_roots: true,
    }
}

impl Config {
    fn host(&self, keypair: Keypair) -> Host {
        let versions = Versions {
            node: self.version.clone(),
            air: Aquavm::VERSION.into(),
            spell: String::new(),
            services: Vec::new(),
        };
        Host::new(keypair, self.management, versions)
    }
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// The management peer id is none.
    ManagementPeerId(PeerIdError),
    /// A bootstrap or external address is none.
    Address(MultiaddrError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::ManagementPeerId(error) => write!(f, "management_peer_id: {error}"),
            ConfigError::Address(error) => write!(f, "bootstrap or external address: {error}"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// What the operator can see.
#[derive(Debug, Clone)]
pub struct Status {
    /// The peer's id.
    pub peer_id: PeerId,
    /// Its connections.
    pub swarm: swarm::Status,
    /// Bytes of particles that came in and wait for their turn.
    pub inbox: usize,
    /// Number of these.
    pub inbox_particles: usize,
    /// Its particles.
    pub node: node::Status,
    /// The devices in use.
    pub devices: Vec<DeviceReport>,
}

/// Swarm and node joined.
pub struct Peer {
    swarm: Swarm,
    node: Node<Aquavm>,
    contacts: Contacts,
    external_addresses: Vec<Multiaddr>,
    http: http::Connections,
    clients: http::Clients,
    config_text: String,
    machine_metrics: String,
    bootstrap: Vec<PeerId>,
    reached: http::Contacts,
    steps_per_turn: usize,
    /// Whether what needs the time has begun.
    begun: bool,
    /// Dials under way, and to whom.
    dials: BTreeMap<ConnId, PeerId>,
    /// What came in and waits for its turn.
    inbox: Inbox,
    /// What waits for a connection to a peer.
    seeks: Seeks,
    tls: Option<Arc<tls::Context>>,
    trace: Trace,
    devices: Vec<DeviceReport>,
    swarm_effects: swarm::Effects,
    node_effects: Vec<node::Effect>,
}

impl Peer {
    /// A peer without connections, memory beyond a reboot and services. `seed` is fresh entropy.
    pub fn new(config: Config, keypair: Keypair, seed: [u8; 32]) -> Peer {
        let host = config.host(keypair.clone());
        let rooms = Rooms::without_parts(host, config.services.clone(), seed);
        Peer::build(config, keypair, seed, rooms)
    }

    /// A peer that has what `parts` give, without connections. `seed` is fresh entropy.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn with_parts(
        config: Config,
        keypair: Keypair,
        seed: [u8; 32],
        parts: Parts,
    ) -> Result<Peer, services::Error> {
        let host = config.host(keypair.clone());
        let rooms = Rooms::new(host, parts, config.services.clone(), seed)?;
        Ok(Peer::build(config, keypair, seed, rooms))
    }

    fn build(config: Config, keypair: Keypair, seed: [u8; 32], rooms: Rooms) -> Peer {
        let kademlia = format!("/fluence/kad/{}/1.0.0", config.network);
        let bootstrap = config.bootstrap.iter().filter_map(Multiaddr::peer_id);
        let bootstrap = bootstrap.collect();
        let swarm_config = swarm::Config {
            agent_version: config.version,
            kademlia: Some(kademlia),
            bootstrap: config.bootstrap,
            tls: config.tls.clone(),
            limits: config.connections,
            ..swarm::Config::default()
        };
        let mut contacts = Contacts::default();
        contacts.set_own(config.external_addresses.clone());
        Peer {
            swarm: Swarm::new(swarm_config, keypair, seed),
            node: Node::new(rooms, config.particles, Aquavm::default()),
            contacts,
            external_addresses: config.external_addresses,
            http: http::Connections::default(),
            clients: http::Clients::default(),
            config_text: config.text,
            machine_metrics: String::new(),
            bootstrap,
            reached: http::Contacts::default(),
            steps_per_turn: config.steps_per_turn,
            begun: false,
            dials: BTreeMap::new(),
            inbox: Inbox::new(config.inbox),
            seeks: Seeks::new(config.seeks),
            tls: config.tls,
            trace: Trace::new(config.trace),
            devices: Vec::new(),
            swarm_effects: Vec::new(),
            node_effects: Vec::new(),
        }
    }

    /// Its identity.
    pub fn peer_id(&self) -> PeerId {
        self.node.host().peer_id
    }

    /// What the operator can see.
    pub fn status(&self) -> Status {
        Status {
            peer_id: self.peer_id(),
            swarm: self.swarm.status(),
            inbox: self.inbox.bytes(),
            inbox_particles: self.inbox.len(),
            node: self.node.status(),
            devices: self.devices.clone(),
        }
    }

    /// Files a device that is in use, for the status.
    pub fn add_device(&mut self, report: DeviceReport) {
        self.devices.push(report);
    }

    /// Metrics of the machine around the node, for its page.
    pub(crate) fn set_machine_metrics(&mut self, text: String) {
        self.machine_metrics = text;
    }

    /// Tells the peer the addresses its listeners have now: others learn them by identify, scripts by
    /// `peer.identify`, beside the configured external ones.
    pub fn listening(&mut self, clock: Clock, addresses: &[Multiaddr], out: &mut Vec<Effect>) {
        let all: Vec<_> = addresses
            .iter()
            .chain(&self.external_addresses)
            .cloned()
            .collect();
        self.contacts.set_own(all.clone());
        if !core::mem::replace(&mut self.begun, true) {
            self.node.begin(clock);
        }
        self.swarm
            .set_listen_addresses(clock.now, all, &mut self.swarm_effects);
        self.settle(clock, out);
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
    ) -> Result<ConnId, swarm::CannotDial> {
        let conn = self.start_dial(clock, address, Origin::Given)?;
        self.settle(clock, out);
        Ok(conn)
    }

    fn start_dial(
        &mut self,
        clock: Clock,
        address: &Multiaddr,
        origin: Origin,
    ) -> Result<ConnId, swarm::CannotDial> {
        let (swarm, out) = (&mut self.swarm, &mut self.swarm_effects);
        let conn = match origin {
            Origin::Given => swarm.dial(clock.now, address, out),
            Origin::Told => swarm.dial_told(clock.now, address, out),
        }?;
        if let Some(peer) = address.peer_id() {
            self.dials.insert(conn, peer);
            self.trace
                .peer(&peer, format_args!("dialed at {address} ({conn})"));
            self.contacts.dialing(peer, address.clone());
        }
        Ok(conn)
    }

    /// Carries out effects of swarm and node until none is left but the edge's.
    fn settle(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        while !self.swarm_effects.is_empty() || !self.node_effects.is_empty() {
            for effect in core::mem::take(&mut self.swarm_effects) {
                match Effect::split(effect) {
                    Ok(effect) => out.push(effect),
                    Err(event) => self.on_event(clock, event),
                }
            }
            for effect in core::mem::take(&mut self.node_effects) {
                match effect {
                    node::Effect::Send { peer, particle } => self.send(clock, peer, particle),
                    node::Effect::Connect {
                        call,
                        peer,
                        addresses,
                    } => {
                        self.connect(clock, call, peer, addresses);
                    }
                }
            }
        }
        while let Some(request) = self.node.next_request() {
            let begun = self.clients.start(request, self.tls.as_ref(), out);
            if let Err((id, answer)) = begun {
                self.node.http_done(clock, id, answer);
            }
        }
        loop {
            // A job of one kind may lead to one of the other.
            let disk_job = self.node.next_disk_job(clock);
            let job = self.node.next_job();
            if disk_job.is_none() && job.is_none() {
                break;
            }
            out.extend(disk_job.map(|job| Effect::Disk { job }));
            out.extend(job.map(|job| Effect::Compute {
                core: job.core(),
                job,
            }));
        }
    }

    /// The compute cores that serve deals, if that changed since it was last asked.
    pub fn deal_cores(&mut self) -> Option<Vec<usize>> {
        self.node.deal_cores()
    }

    /// Hands the state over to the edge, which runs the peer's disk jobs from now on
    /// ([`crate::disk`]). `None`: there is no state, or the edge has it already.
    pub fn take_state(&mut self) -> Option<State> {
        self.node.take_state()
    }

    /// What outlives a reboot, if anything does and the edge did not take it.
    pub fn state(&mut self) -> Option<&mut State> {
        self.node.state()
    }

    fn on_event(&mut self, clock: Clock, event: Event) {
        match event {
            Event::Connected {
                peer,
                conn,
                remote,
                direction,
                ..
            } => {
                self.node.on_connection(clock, &peer, true);
                self.reached.bootstrap_connected += u64::from(self.bootstrap.contains(&peer));
                log::info!(target: "peer", "{peer} connected from {remote} ({conn})");
                self.trace
                    .peer(&peer, format_args!("connected, {direction:?} ({conn})"));
                // An incoming connection comes from a port that nobody listens on.
                let address = match direction {
                    Direction::Outbound => Some(Multiaddr::from_socket(remote)),
                    Direction::Inbound => None,
                };
                self.contacts.connected(peer, address);
                self.end_dial(conn);
                self.found(clock, &peer);
            }
            Event::Disconnected { peer } => {
                log::info!(target: "peer", "{peer} disconnected");
                self.trace.peer(&peer, "disconnected");
                self.node.on_connection(clock, &peer, false);
                self.reached.bootstrap_disconnected += u64::from(self.bootstrap.contains(&peer));
                self.contacts.disconnected(&peer);
            }
            Event::Closed { conn, peer, reason } => {
                log::debug!(target: "peer", "{conn} closed: {reason}");
                if let Some(peer) = peer {
                    self.trace
                        .peer(&peer, format_args!("{conn} closed: {reason}"));
                }
                if let Some(peer) = self.end_dial(conn)
                    && !self.is_dialing(&peer)
                {
                    self.dials_failed(clock, &peer);
                }
            }
            Event::Identified { peer, info } => {
                log::debug!(target: "peer", "{peer} runs {}", Quoted(&info.agent_version));
                self.trace.peer(
                    &peer,
                    format_args!("identified itself: {:?}", info.protocols),
                );
                self.contacts.identified(&peer, info.listen_addrs);
            }
            Event::Particle { from, particle } => {
                self.trace.particle(&particle.id, &from, "came in");
                if self.inbox.push(from, *particle) {
                    log::debug!(target: "peer", "{from} sends more than can be run: it has to wait");
                    self.swarm.pause(from);
                }
            }
            Event::Found {
                peer, addresses, ..
            } => {
                log::debug!(target: "peer", "{peer} was found at {} addresses", addresses.len());
                self.trace
                    .peer(&peer, format_args!("searched, is at {addresses:?}"));
                if let Some(stage @ Stage::Searching) = self.seeks.stage(&peer) {
                    *stage = Stage::LastDials;
                    if addresses.is_empty() {
                        self.reached.not_found += 1;
                        return self.not_found(&peer);
                    }
                    self.dial_peer(clock, peer, addresses, Origin::Told);
                }
            }
            Event::Sent { .. } => {}
            Event::SendFailed { reason, .. } => {
                log::debug!(target: "node", "a particle was not sent: {reason}");
                self.node.count(Refusal::SendFailed);
            }
            Event::Refused { conn, reason } => {
                let times = self.swarm.status().refused(reason);
                log::log!(target: "peer", rarely(times), "{conn}: refused: {reason} ({times} so far)");
            }
        }
    }

    /// Answers a request for one of the operator's pages.
    fn on_http(&mut self, input: &Input<'_>, conn: ConnId, out: &mut Vec<Effect>) {
        match input {
            Input::Received { bytes, .. } => {
                let connected = |peer: &PeerId| self.swarm.is_connected(peer);
                let report = http::Report {
                    status: self.status(),
                    rooms: self.node.rooms(),
                    versions: &self.node.host().versions,
                    bootstrap: (self.bootstrap.len(), self.bootstrap.iter().any(connected)),
                    contacts: &self.reached,
                    config: &self.config_text,
                    machine: &self.machine_metrics,
                };
                let page = |path: &str| http::page(path, &report);
                self.http.receive(conn, bytes, page, out);
            }
            Input::RemoteClosed { .. } => self.http.remote_closed(conn, out),
            _ => self.http.lost(conn),
        }
    }

    /// Gives the node the next particle that came in.
    fn receive(&mut self, clock: Clock) {
        let Some((from, particle, resume)) = self.inbox.pop() else {
            return;
        };
        if resume {
            self.swarm.resume(clock.now, &from);
        }
        let id = particle.id.clone();
        if let Err(reason) = self.node.receive(clock, particle) {
            let times = self.node.refused(reason);
            self.trace.particle(&id, &from, reason);
            log::log!(
                target: "node",
                rarely(times),
                "particle {} from {from} refused: {reason} ({times} so far)",
                Quoted(&id)
            );
        }
    }

    fn send(&mut self, clock: Clock, peer: PeerId, particle: Particle) {
        if particle.is_expired(clock.wall_ms) {
            return self.not_sent(&peer, &particle, Refusal::ExpiredHere);
        }
        let sent = self
            .swarm
            .send(clock.now, &peer, &particle, &mut self.swarm_effects);
        let refusal = match sent {
            Ok(_) => {
                self.reached.local += 1;
                return self.trace.particle(&particle.id, &peer, "sent");
            }
            Err(CannotSend::NotConnected) => return self.send_later(clock, peer, particle),
            Err(CannotSend::Congested) => Refusal::Congested,
            Err(CannotSend::TooBig) => Refusal::SendFailed,
        };
        self.not_sent(&peer, &particle, refusal);
    }

    fn not_sent(&mut self, peer: &PeerId, particle: &Particle, refusal: Refusal) {
        self.trace.particle(&particle.id, peer, refusal);
        log::debug!(
            target: "node",
            "particle {} to {peer} not sent: {refusal}",
            Quoted(&particle.id)
        );
        self.node.count(refusal);
    }
}

impl Machine for Peer {
    fn accept(
        &mut self,
        clock: Clock,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Vec<Effect>,
    ) -> Result<ConnId, swarm::Refusal> {
        let accepted = self
            .swarm
            .accept(clock.now, transport, remote, &mut self.swarm_effects);
        self.settle(clock, out);
        accepted
    }

    fn accept_http(&mut self, clock: Clock) -> Option<ConnId> {
        self.http.accept(clock.now)
    }

    fn handle(&mut self, clock: Clock, input: Input<'_>, out: &mut Vec<Effect>) {
        if let Some(tls) = &self.tls {
            tls.set_wall(clock.wall_ms);
        }
        match &input {
            Input::Timer => {
                self.node.timer(clock);
                self.http.timer(clock.now, out);
                for (id, answer) in self.clients.timer(clock.now, out) {
                    self.node.http_done(clock, id, answer);
                }
            }
            Input::Dialed { conn, .. }
            | Input::DialFailed { conn, .. }
            | Input::Received { conn, .. }
            | Input::RemoteClosed { conn }
            | Input::Lost { conn }
                if self.clients.has(*conn) =>
            {
                if let Some((id, answer)) = self.clients.handle(*conn, &input, out) {
                    self.node.http_done(clock, id, answer);
                    self.settle(clock, out);
                }
                return;
            }
            Input::Received { conn, .. } | Input::RemoteClosed { conn } | Input::Lost { conn }
                if self.http.has(*conn) =>
            {
                return self.on_http(&input, *conn, out);
            }
            _ => {}
        }
        self.swarm.handle(clock.now, input, &mut self.swarm_effects);
        self.settle(clock, out);
    }

    fn work(&mut self, clock: Clock, out: &mut Vec<Effect>) -> bool {
        // Compute cores may have asked for something.
        self.settle(clock, out);
        let more = self.node.maintain();
        for _ in 0..self.steps_per_turn {
            // Just enough to keep the node busy: the rest keeps its order.
            if self.node.waiting() == 0 {
                self.receive(clock);
            }
            let network = View {
                contacts: &self.contacts,
                swarm: &self.swarm,
            };
            if !self.node.step(clock, &network, &mut self.node_effects) && self.inbox.is_empty() {
                return more;
            }
            self.settle(clock, out);
        }
        true
    }

    fn wake_at(&self, clock: Clock) -> Option<Instant> {
        if !self.inbox.is_empty() {
            return Some(clock.now);
        }
        [
            self.swarm.wake_at(),
            self.node.wake_at(clock),
            self.http.wake_at(),
            self.clients.wake_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        if self.http.has(conn) {
            self.http.transmit(conn, buffer)
        } else if self.clients.has(conn) {
            self.clients.transmit(conn, buffer)
        } else {
            self.swarm.transmit(conn, buffer)
        }
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        if self.http.has(conn) {
            self.http.has_output(conn)
        } else if self.clients.has(conn) {
            self.clients.has_output(conn)
        } else {
            self.swarm.has_output(conn)
        }
    }

    fn receive_capacity(&mut self, conn: ConnId) -> usize {
        if self.http.has(conn) {
            self.http.receive_capacity(conn)
        } else if self.clients.has(conn) {
            self.clients.receive_capacity(conn)
        } else {
            self.swarm.receive_capacity(conn)
        }
    }

    fn done(&mut self, clock: Clock, done: Done, out: &mut Vec<Effect>) {
        self.node.done(clock, done);
        self.settle(clock, out);
    }

    fn disk_done(&mut self, clock: Clock, done: DiskDone, out: &mut Vec<Effect>) {
        self.node.disk_done(clock, done);
        self.settle(clock, out);
    }
}
