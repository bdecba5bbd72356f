//! What happens on the connections, and what follows from it.

use alloc::vec::Vec;
use core::fmt;

use basalt_net::multiaddr::Multiaddr;
use basalt_net::peer_id::PeerId;
use basalt_net::swarm::{Direction, Event};

use super::dialing::Origin;
use super::joined::Peer;
use super::seek::Stage;
use crate::actors;
use crate::host::Clock;
use crate::machine::{Effect, Work};
use crate::quoted::Quoted;
use crate::refusal::{Refusal, rarely};

impl Peer {
    /// Applies effects of swarm and node until only those of the edge are left, which go to `out`.
    ///
    /// Each may lead to others: an event of the swarm to a particle of the node and that back to
    /// the swarm.
    pub(super) fn apply_effects(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        while !self.swarm_effects.is_empty() || !self.node_effects.is_empty() {
            for effect in core::mem::take(&mut self.swarm_effects) {
                match effect.split() {
                    Ok(effect) => out.push(effect),
                    Err(event) => self.on_event(clock, event),
                }
            }
            for effect in core::mem::take(&mut self.node_effects) {
                match effect {
                    actors::Effect::Send {
                        peer,
                        payer,
                        particle,
                    } => self.send(clock, peer, payer, particle),
                    actors::Effect::Connect {
                        call,
                        payer,
                        peer,
                        addresses,
                    } => {
                        self.connect(clock, call, payer, peer, addresses);
                    }
                }
            }
        }
        // What one kind of work gives may be work of another: a transaction that the disk has kept
        // is a request, and a cold service is read before it is a job.
        loop {
            // In this order: asking for a job may give one to the disk, and either may be run at
            // once and give a request.
            let job = self.node.next_job(clock);
            let disk_job = self.node.next_disk_job(clock);
            let request = self.node.next_request();
            if request.is_none() && disk_job.is_none() && job.is_none() {
                break;
            }
            if let Some(request) = request
                && let Err((owner, answer)) = self.client.start(request, self.tls.as_ref(), out)
            {
                self.node.http_done(clock, owner, answer);
            }
            out.extend(disk_job.map(|job| Effect::Other(Work::Disk { job })));
            out.extend(job.map(|job| {
                let core = job.core();
                Effect::Other(Work::Compute { core, job })
            }));
        }
    }

    /// Writes what happened with a peer into the log: of strangers not more than a console takes.
    fn tell(&mut self, clock: Clock, peer: &PeerId, what: fmt::Arguments<'_>) {
        let is_known = self.bootstrap.contains(peer) || self.node.host().operator == Some(*peer);
        let skipped = match is_known {
            true => Some(0),
            false => self.chatter.may_speak(clock.now),
        };
        match skipped {
            Some(0) => log::info!(target: "peer", "{peer} {what}"),
            Some(skipped) => log::info!(
                target: "peer",
                "{peer} {what}; {skipped} lines about other peers are left out"
            ),
            None => log::debug!(target: "peer", "{peer} {what}"),
        }
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
                self.tell(
                    clock,
                    &peer,
                    format_args!("connected from {remote} ({conn})"),
                );
                self.trace
                    .peer(&peer, format_args!("connected, {direction:?} ({conn})"));
                // An incoming connection comes from a port that nobody listens on.
                let address = match direction {
                    Direction::Outbound => Some(Multiaddr::from_socket(remote)),
                    Direction::Inbound => None,
                };
                self.remotes.insert(peer, remote.ip());
                self.contacts.connected(peer, address);
                self.end_dial(conn);
                self.found(clock, &peer);
            }
            Event::Disconnected { peer } => {
                self.tell(clock, &peer, format_args!("disconnected"));
                self.trace.peer(&peer, "disconnected");
                self.node.on_connection(clock, &peer, false);
                self.reached.bootstrap_disconnected += u64::from(self.bootstrap.contains(&peer));
                self.remotes.remove(&peer);
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
                let times = self.swarm.times_refused(reason);
                log::log!(target: "peer", rarely(times), "{conn}: refused: {reason} ({times} so far)");
            }
        }
    }
}
