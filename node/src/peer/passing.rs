//! Particles on their way from the connections to the node, and from the node to the connections.

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::CannotSend;

use super::joined::Peer;
use crate::host::Clock;
use crate::quoted::Quoted;
use crate::refusal::{Refusal, rarely};
use crate::shares::{Origin, Payer};

impl Peer {
    /// Gives the node the next particle that came in.
    pub(super) fn receive(&mut self, clock: Clock) {
        let Some((from, particle, resume)) = self.inbox.pop() else {
            return;
        };
        if resume {
            self.swarm.resume(clock.now, &from);
        }
        // The node takes the particle; its id is still needed for the log.
        let authored = particle.authored.clone();
        let origin = Origin::new(from, self.remotes.get(&from).copied());
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
