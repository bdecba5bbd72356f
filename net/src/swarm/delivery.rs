//! Particles on their way to peers: on which connection they go, and what happens if that one does
//! not take them.
//!
//! A particle goes to the connection that it came in on, while that is open and moves, else to the
//! newest one that moves. It is on its way until the peer has accepted its stream and all bytes are
//! out. If the connection ends before, or nothing moves on it for five seconds, the particle goes
//! over another connection of the peer.

use alloc::vec::Vec;

use super::conn_id::ConnId;
use super::effect::{Effect, Effects, Event};
use super::machine::{Swarm, share};
use super::under_way::{Parcel, UnderWay};
use crate::connection::Context;
use crate::particle::frame::{self, Frame};
use crate::particle::{self, Particle};
use crate::sending::{CannotSend, SendError, SendId};
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// The part of the budget of bytes that wait to be sent which may be kept to be sent again.
const KEPT: usize = 8;
/// How many particles are looked after at once. Bounds how long that takes; the others are next.
const MAX_CHECKS: usize = 64;

impl Swarm {
    /// Sends a particle to a peer, on the connection that it came in on or else on the newest.
    /// [`Event::Sent`] or [`Event::SendFailed`] follows.
    pub fn send(
        &mut self,
        now: Instant,
        peer: &PeerId,
        particle: &Particle,
        out: &mut Effects,
    ) -> Result<SendId, CannotSend> {
        let conn = self.way(peer, &particle.id);
        let conn = conn.ok_or(CannotSend::NotConnected)?;
        let frame = frame::encode(particle);
        if frame.size() > particle::frame::MAX_BODY {
            return Err(CannotSend::TooBig);
        }
        let id = SendId(self.next_send);
        let parcel = Parcel {
            peer: *peer,
            id,
            frame,
            tries: 1,
        };
        self.send_on(now, conn, parcel, out)?;
        self.next_send += 1;
        Ok(id)
    }

    /// Sends a particle on a connection of a peer's choice, as one tab of several does.
    #[cfg(test)]
    pub(super) fn send_over(
        &mut self,
        now: Instant,
        conn: ConnId,
        particle: &Particle,
        out: &mut Effects,
    ) {
        let peer = self.pool.look(conn).and_then(|entry| entry.peer).unwrap();
        let parcel = Parcel {
            peer,
            id: SendId(self.next_send),
            frame: frame::encode(particle),
            tries: 1,
        };
        self.next_send += 1;
        self.send_on(now, conn, parcel, out).unwrap();
    }

    /// The connection for a particle.
    fn way(&mut self, peer: &PeerId, id: &str) -> Option<ConnId> {
        let conns = self.pool.open_of(peer);
        if conns.len() > 1
            && let Some(origin) = self.origins.of(conns, id)
            && !self.is_stuck(origin)
        {
            return Some(origin);
        }
        self.newest_but(peer, None)
    }

    /// The newest connection of a peer that moves, or the newest at all.
    fn newest_but(&self, peer: &PeerId, not: Option<ConnId>) -> Option<ConnId> {
        let conns = self.pool.open_of(peer).iter().rev().copied();
        let mut conns = conns.filter(|conn| Some(*conn) != not).peekable();
        let newest = conns.peek().copied();
        conns.find(|conn| !self.is_stuck(*conn)).or(newest)
    }

    fn is_stuck(&self, conn: ConnId) -> bool {
        self.pool.look(conn).is_some_and(|entry| entry.stuck)
    }

    fn send_on(
        &mut self,
        now: Instant,
        conn: ConnId,
        parcel: Parcel,
        out: &mut Effects,
    ) -> Result<(), CannotSend> {
        let Parcel {
            peer,
            id,
            frame,
            tries,
        } = parcel;
        let budget = self.config.limits.max_queued;
        let entry = self.pool.get(conn).ok_or(CannotSend::NotConnected)?;
        let (queued, taken) = (entry.queued, entry.taken);
        let allowance = share(budget, self.status.queued - queued);
        if queued.saturating_add(frame.size()) > allowance {
            return Err(CannotSend::Congested);
        }
        let connection = self.pool.connection(conn).ok_or(CannotSend::NotConnected)?;
        let context = Context {
            now,
            local: &self.local,
            allowance: 0,
        };
        let keep = frame.size() <= share(budget / KEPT, self.delivery.kept);
        let kept = keep.then(|| frame.clone());
        connection.send(context, id, frame)?;
        let item = UnderWay {
            peer,
            conn,
            frame: kept,
            checked: now,
            taken,
            tries,
        };
        self.delivery.add(id, item);
        self.settle(now, conn, out);
        Ok(())
    }

    /// The peer has taken a particle.
    pub(super) fn delivered(&mut self, id: SendId, out: &mut Effects) {
        self.delivery.remove(id);
        self.status.particles_out += 1;
        out.push(Effect::Other(Event::Sent { id }));
    }

    /// A connection did not carry a particle to its peer: another one does, if there is one.
    pub(super) fn not_delivered(
        &mut self,
        now: Instant,
        id: SendId,
        reason: SendError,
        out: &mut Effects,
    ) {
        if let Some(item) = self.delivery.remove(id)
            && let Some(other) = self.newest_but(&item.peer, Some(item.conn))
            && let Some(parcel) = item.again(id)
            && self.send_on(now, other, parcel, out).is_ok()
        {
            return;
        }
        self.status.sends_failed += 1;
        out.push(Effect::Other(Event::SendFailed { id, reason }));
    }

    /// Looks after particles that have been on their way for a while.
    pub(super) fn check_deliveries(&mut self, now: Instant, out: &mut Effects) {
        for _ in 0..MAX_CHECKS {
            let Some(&(due, id)) = self.delivery.checks.first() else {
                break;
            };
            if due > now {
                break;
            }
            let Some(mut item) = self.delivery.remove(id) else {
                self.delivery.checks.pop_first();
                continue;
            };
            let is_paused = self.is_paused(&item.peer);
            let Some(entry) = self.pool.get(item.conn) else {
                continue;
            };
            let goes_out = entry.taken != item.taken && entry.has_output();
            let moves = is_paused || goes_out || entry.heard() > Some(item.checked);
            entry.stuck = !moves;
            (item.checked, item.taken) = (now, entry.taken);
            if !moves
                && let Some(other) = self.newest_but(&item.peer, Some(item.conn))
                && !self.is_stuck(other)
                && let Some(parcel) = item.again(id)
                && self.send_on(now, other, parcel, out).is_ok()
            {
                log::debug!(target: "net", "{} does not move: {other} is used", item.conn);
                if let Some(connection) = self.pool.connection(item.conn) {
                    connection.disown(id);
                }
                self.settle(now, item.conn, out);
                continue;
            }
            self.delivery.add(id, item);
        }
    }

    /// A peer takes no more streams on a connection: particles that wait there go over another one.
    /// If there is none, the peer is not connected any more, whatever is still under way.
    pub(super) fn left(
        &mut self,
        now: Instant,
        conn: ConnId,
        particles: Vec<(SendId, Frame)>,
        out: &mut Effects,
    ) {
        self.bootstrap.closed(now, conn);
        let Some(peer) = self.pool.get(conn).and_then(|entry| entry.peer) else {
            return;
        };
        if self.pool.retire(conn, &peer) {
            self.disconnected(now, peer, out);
        }
        for (id, frame) in particles {
            let tries = self.delivery.remove(id).map_or(1, |item| item.tries);
            let parcel = Parcel {
                peer,
                id,
                frame,
                tries,
            };
            let other = self.newest_but(&peer, Some(conn));
            let sent = other.map(|other| self.send_on(now, other, parcel, out));
            if !matches!(sent, Some(Ok(()))) {
                self.status.sends_failed += 1;
                let reason = SendError::ConnectionClosed;
                out.push(Effect::Other(Event::SendFailed { id, reason }));
            }
        }
    }
}
