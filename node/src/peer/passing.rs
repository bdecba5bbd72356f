//! Particles on their way from the connections to the node, and from the node to the connections.

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::CannotSend;

use super::joined::Peer;
use crate::host::Clock;
use crate::quoted::Quoted;
use crate::refusal::{Refusal, rarely};
use crate::shares::{Origin, Payer};

/// Particles that are taken in between two turns.
const INTAKE: u64 = 16;
/// Particles of one peer that wait in the node for their turns. With more of them those that come
/// in from it wait, too: its connection is not read from in the end.
const MAX_WAITING: usize = 64;

impl Peer {
    /// Gives the node some of the particles that came in; how many.
    pub(super) fn receive(&mut self, clock: Clock) -> u64 {
        let mut received = 0;
        while received < INTAKE
            && let Some(from) = self.inbox.next()
        {
            if self.node.waiting_from(self.origin(from)) >= MAX_WAITING {
                self.inbox.set_aside();
            } else {
                self.receive_one(clock);
                received += 1;
            }
        }
        received
    }

    /// Particles come in again from peers of which few wait to be run.
    pub(super) fn listen_again(&mut self) {
        let Peer {
            inbox,
            node,
            remotes,
            ..
        } = self;
        inbox.take_back(|peer| {
            let origin = Origin::new(peer, remotes.get(&peer).copied());
            node.waiting_from(origin) <= MAX_WAITING / 2
        });
    }

    fn origin(&self, from: PeerId) -> Origin {
        Origin::new(from, self.remotes.get(&from).copied())
    }

    fn receive_one(&mut self, clock: Clock) {
        let Some((from, particle, resume)) = self.inbox.pop() else {
            return;
        };
        if resume {
            self.swarm.resume(clock.now, &from);
        }
        // The node takes the particle; its id is still needed for the log.
        let authored = particle.authored.clone();
        let origin = self.origin(from);
        if let Err(reason) = self.node.receive_from(clock, origin, particle) {
            let times = self.node.refused(reason);
            self.trace.particle(&authored.id, &from, reason);
            log::log!(
                target: "node",
                rarely(times),
                "particle {} from {from} refused: {reason} ({times} so far)",
                Quoted(&authored.id)
            );
        }
    }

    /// Sends a particle to a peer, or lets it wait until there is a connection.
    pub(super) fn send(&mut self, clock: Clock, peer: PeerId, payer: Payer, particle: Particle) {
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
            Err(CannotSend::NotConnected) => return self.send_later(clock, peer, payer, particle),
            Err(CannotSend::Congested) => Refusal::Congested,
            Err(CannotSend::TooBig) => Refusal::SendFailed,
        };
        self.not_sent(&peer, &particle, refusal);
    }

    /// Counts a particle that is not sent.
    pub(super) fn not_sent(&mut self, peer: &PeerId, particle: &Particle, refusal: Refusal) {
        self.trace.particle(&particle.id, peer, refusal);
        log::debug!(
            target: "node",
            "particle {} to {peer} not sent: {refusal}",
            Quoted(&particle.id)
        );
        self.node.count(refusal);
    }
}
