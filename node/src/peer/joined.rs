//! A peer: its connections, its particles and its pages.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::Multiaddr;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{self, ConnId, Swarm};
use basalt_net::tls;

use super::chatter::Chatter;
use super::config::Config;
use super::contacts::Contacts;
use super::seek::Seeks;
use super::trace::Trace;
use crate::actors::{self, Node};
use crate::host::Clock;
use crate::intake::Inbox;
use crate::machine::Effect;
use crate::outgoing::HttpClient;
use crate::pages::{self, Status};
use crate::rooms::{Parts, Rooms};
use crate::script::Aquavm;
use crate::services;
use crate::state::State;
use crate::status::DeviceReport;

/// A peer of the network on any edge that moves bytes.
pub struct Peer {
    pub(super) swarm: Swarm,
    pub(super) node: Node<Aquavm>,
    pub(super) contacts: Contacts,
    pub(super) external_addresses: Vec<Multiaddr>,
    pub(super) pages: pages::Connections,
    pub(super) client: HttpClient,
    pub(super) config_text: String,
    pub(super) machine_metrics: String,
    pub(super) bootstrap: Vec<PeerId>,
    pub(super) reached: pages::Contacts,
    pub(super) steps_per_turn: usize,
    /// Whether what needs the time was started.
    pub(super) begun: bool,
    /// Dials under way, and to whom.
    pub(super) dials: BTreeMap<ConnId, PeerId>,
    /// Particles that came in and wait to be checked.
    pub(super) inbox: Inbox,
    /// Where each connected peer last connected from.
    pub(super) remotes: BTreeMap<PeerId, IpAddr>,
    /// What waits for a connection to a peer.
    pub(super) seeks: Seeks,
    pub(super) tls: Option<Arc<tls::Context>>,
    pub(super) trace: Trace,
    pub(super) chatter: Chatter,
    pub(super) devices: Vec<DeviceReport>,
    pub(super) swarm_effects: swarm::Effects,
    pub(super) node_effects: Vec<actors::Effect>,
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
        let bootstrap: Vec<PeerId> = bootstrap.collect();
        let kept_peers = bootstrap.iter().copied().chain(config.operator).collect();
        let swarm_config = swarm::Config {
            agent_version: config.version,
            kademlia: Some(kademlia),
            bootstrap: config.bootstrap,
            kept_peers,
            tls: config.tls.clone(),
            limits: config.connections,
            ..swarm::Config::default()
        };
        let mut contacts = Contacts::default();
        contacts.set_own(config.external_addresses.clone());
        Peer {
            swarm: Swarm::new(swarm_config, keypair, seed),
            node: Node::new(rooms, config.particles, Aquavm::new(&seed, config.run)),
            contacts,
            external_addresses: config.external_addresses,
            pages: pages::Connections::default(),
            client: HttpClient::default(),
            config_text: config.text,
            machine_metrics: String::new(),
            bootstrap,
            reached: pages::Contacts::default(),
            steps_per_turn: config.steps_per_turn,
            begun: false,
            dials: BTreeMap::new(),
            inbox: Inbox::new(config.inbox),
            remotes: BTreeMap::new(),
            seeks: Seeks::new(config.seeks),
            tls: config.tls,
            trace: Trace::new(config.trace),
            chatter: Chatter::default(),
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

    /// Adds a device that is in use to the status.
    pub fn add_device(&mut self, report: DeviceReport) {
        self.devices.push(report);
    }

    /// Metrics of the machine around the node, for its page.
    pub fn set_machine_metrics(&mut self, text: String) {
        self.machine_metrics = text;
    }

    /// Tells the peer the addresses its listeners have now: others learn them by identify, scripts
    /// by `peer.identify`, beside the configured external ones.
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
        self.apply_effects(clock, out);
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
}
