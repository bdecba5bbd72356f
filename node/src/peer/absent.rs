//! Peers that are not connected: what waits for them, and how they are reached. Known addresses are
//! dialed. If nobody answers there, the network is searched, and what was found is dialed.

use alloc::vec::Vec;

use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;

use super::dialing::Origin;
use super::joined::Peer;
use super::seek::Stage;
use crate::actors::CallId;
use crate::host::Clock;
use crate::refusal::Refusal;
use crate::shares::{Full, Payer};

impl Peer {
    /// Lets a particle wait until its peer is connected.
    pub(super) fn send_later(
        &mut self,
        clock: Clock,
        peer: PeerId,
        payer: Payer,
        particle: Particle,
    ) {
        self.trace
            .particle(&particle.id, &peer, "waits: the peer is not connected");
        match self.seeks.add_particle(peer, payer, particle) {
            Ok(true) => {
                let addresses = self.known_addresses(&peer);
                self.dial_peer(clock, peer, addresses, Origin::Told);
            }
            Ok(false) => {}
            Err(full) => {
                log::debug!(target: "node", "too much waits: a particle to {peer} is not sent");
                self.node.count(match full {
                    Full::All => Refusal::SeeksFull,
                    _ => Refusal::SeeksShare,
                });
            }
        }
    }

    /// Serves a call of `peer.connect`. Addresses that it gives are all that is tried.
    pub(super) fn connect(
        &mut self,
        clock: Clock,
        call: CallId,
        payer: Payer,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    ) {
        if self.swarm.is_connected(&peer) {
            return self.node.complete(call, true.into());
        }
        let Ok(first) = self.seeks.add_call(peer, payer, call) else {
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

    /// Nobody answers at a peer's addresses: the network is searched, unless that was done already.
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
        for (_, particle) in seek.particles {
            self.not_sent(peer, &particle, Refusal::NotFound);
        }
    }

    /// A peer is connected: what waited for it goes to it.
    pub(super) fn found(&mut self, clock: Clock, peer: &PeerId) {
        let Some(seek) = self.seeks.take(peer) else {
            return;
        };
        self.reached.found += u64::from(seek.stage == Stage::LastDials);
        for call in seek.calls {
            self.node.complete(call, true.into());
        }
        for (payer, particle) in seek.particles {
            self.send(clock, *peer, payer, particle);
        }
    }
}
