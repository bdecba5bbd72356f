//! Peers that are not connected: what waits for them, and how they are reached. Known addresses are dialed; where nobody
//! answers, the network is searched, and what was found is dialed.

use alloc::vec::Vec;

use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::ConnId;

use super::Peer;
use super::seek::Stage;
use crate::host::Clock;
use crate::node::CallId;
use crate::refusal::Refusal;

/// Where an address that is dialed comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// The manifest, or whoever asks for this very dial.
    Given,
    /// Other peers.
    Told,
}

impl Peer {
    /// Lets a particle wait until its peer is connected.
    pub(super) fn send_later(&mut self, clock: Clock, peer: PeerId, particle: Particle) {
        self.trace
            .particle(&particle.id, &peer, "waits: the peer is not connected");
        match self.seeks.add_particle(peer, particle) {
            Ok(true) => {
                let addresses = self.known_addresses(&peer);
                self.dial_peer(clock, peer, addresses, Origin::Told);
            }
            Ok(false) => {}
            Err(_) => {
                log::debug!(target: "node", "too much waits: a particle to {peer} is not sent");
                self.node.count(Refusal::SeeksFull);
            }
        }
    }

    /// Serves a call of `peer.connect`. Addresses that it gives are all that is tried.
    pub(super) fn connect(
        &mut self,
        clock: Clock,
        call: CallId,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    ) {
        if self.swarm.is_connected(&peer) {
            return self.node.complete(call, true.into());
        }
        let Ok(first) = self.seeks.add_call(peer, call) else {
            return self.node.complete(call, false.into());
        };
        if !addresses.is_empty() {
            if first && let Some(stage) = self.seeks.stage(&peer) {
                *stage = Stage::LastDials;
            }
            self.dial_peer(clock, peer, addresses, Origin::Given);
        } else if first {
            let addresses = self.known_addresses(&peer);
            self.dial_peer(clock, peer, addresses, Origin::Told);
        }
    }

    /// Where a peer may be: as it said itself, else as the routing table has it.
    fn known_addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let said = self.contacts.addresses(peer);
        match said.is_empty() {
            true => self.swarm.addresses(peer).unwrap_or_default().to_vec(),
            false => said,
        }
    }

    pub(super) fn dial_peer(
        &mut self,
        clock: Clock,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
        origin: Origin,
    ) {
        for address in addresses.into_iter().take(self.seeks.max_dials()) {
            let address = match address.peer_id() {
                Some(named) if named != peer => continue,
                Some(_) => address,
                None => address.with(Protocol::P2p(peer)),
            };
            if let Err(error) = self.start_dial(clock, &address, origin) {
                log::debug!(target: "peer", "{address} is not dialed: {error}");
            }
        }
        if !self.is_dialing(&peer) {
            self.dials_failed(clock, &peer);
        }
    }

    pub(super) fn is_dialing(&self, peer: &PeerId) -> bool {
        self.dials.values().any(|dialed| dialed == peer)
    }

    /// Strikes a dial off the list; returns to whom it went.
    pub(super) fn end_dial(&mut self, conn: ConnId) -> Option<PeerId> {
        let peer = self.dials.remove(&conn)?;
        self.contacts.dial_ended(&peer);
        Some(peer)
    }

    /// Nobody answers where a peer was to be: the network is searched, unless it was already.
    pub(super) fn dials_failed(&mut self, clock: Clock, peer: &PeerId) {
        match self.seeks.stage(peer) {
            Some(stage @ Stage::Dialing) => {
                *stage = Stage::Searching;
                let found = self.swarm.find(clock.now, *peer, &mut self.swarm_effects);
                if let Err(reason) = found {
                    log::debug!(target: "peer", "{peer} is not searched: {reason}");
                    self.reached.cannot_ask += 1;
                    self.not_found(peer);
                }
            }
            Some(Stage::Searching) | None => {}
            Some(Stage::LastDials) => {
                self.reached.not_reached += 1;
                self.not_found(peer);
            }
        }
    }

    pub(super) fn not_found(&mut self, peer: &PeerId) {
        let Some(seek) = self.seeks.take(peer) else {
            return;
        };
        for call in seek.calls {
            self.node.complete(call, false.into());
        }
        for particle in seek.particles {
            self.not_sent(peer, &particle, Refusal::NotFound);
        }
    }

    /// A peer is connected: what waited for it goes on.
    pub(super) fn found(&mut self, clock: Clock, peer: &PeerId) {
        let Some(seek) = self.seeks.take(peer) else {
            return;
        };
        self.reached.found += u64::from(seek.stage == Stage::LastDials);
        for call in seek.calls {
            self.node.complete(call, true.into());
        }
        for particle in seek.particles {
            self.send(clock, *peer, particle);
        }
    }
}
