//! Connections accepted, dialed along their routes, and closed.

use core::net::SocketAddr;

use super::conn_id::ConnId;
use super::effect::{CannotDial, Effect, Effects};
use super::machine::{Swarm, entropy};
use super::pool::{Entry, Stage};
use super::route::{Route, Step};
use crate::connection::{CloseReason, Connection, Context, Setup};
use crate::direction::Direction;
use crate::refusal::Refusal;
use basalt_terms::multiaddr::{Endpoint, EndpointError, Multiaddr, Scope, Transport};
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// A handshake takes less, except for those who never end it.
const HANDSHAKE: core::time::Duration = core::time::Duration::from_secs(3);

impl Swarm {
    pub(super) fn new_conn(&mut self) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        conn
    }

    /// Takes a connection that came in, or refuses it: then the edge resets it.
    pub fn accept(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
        out: &mut Effects,
    ) -> Result<ConnId, Refusal> {
        let limits = &self.config.limits;
        let kept = match self.pool.is_newcomer(remote.ip()) {
            true => limits.dial_places,
            false => limits.dial_places + limits.newcomer_places,
        };
        let places = limits.max_connections.saturating_sub(kept);
        let ip = remote.ip();
        // Who has not proven a peer for the longest gives way, then who is idle for the longest. So
        // clients that fall silent keep nobody out, of their own address or of another.
        let full = if self.pool.strangers_from(ip) >= limits.max_set_ups_per_address {
            Some((
                Refusal::AddressSetUpsFull,
                self.pool.oldest_stranger_from(ip),
            ))
        } else if self.pool.inbound_from(ip) >= limits.max_per_address {
            Some((Refusal::AddressFull, self.pool.expendable_of(ip)))
        } else if self.pool.set_ups() >= limits.max_set_ups {
            Some((Refusal::SetUpsFull, self.pool.oldest_stranger()))
        } else if self.pool.len() >= places {
            Some((Refusal::ConnectionsFull, self.expendable(now)))
        } else {
            None
        };
        if let Some((reason, other)) = full {
            self.status.count(reason);
            self.give_way(now, other.ok_or(reason)?, out);
        }
        let conn = self.new_conn();
        self.status.accepted += 1;
        let setup = Setup {
            transport,
            direction: Direction::Inbound,
            remote,
            expected: None,
            host: "",
            path: "",
            port: 0,
            entropy: [entropy(&mut self.rng), entropy(&mut self.rng)],
        };
        let context = Context {
            now,
            local: &self.local,
            allowance: 0,
        };
        let connection = Connection::new(context, &setup).map_err(|_| {
            self.status.count(Refusal::ProtocolViolation);
            Refusal::ProtocolViolation
        })?;
        self.pool
            .insert(conn, Entry::inbound(now, transport, remote, connection));
        self.settle(now, conn, out);
        Ok(conn)
    }

    /// A connection that may give way to another one.
    fn expendable(&mut self, now: Instant) -> Option<ConnId> {
        // An instant that lies so far back, or none: then all are younger.
        let quiet = now.since(Instant::ZERO).saturating_sub(HANDSHAKE);
        self.pool.expendable(Instant::ZERO + quiet)
    }

    /// Ends a connection at once, since another one gets its place.
    fn give_way(&mut self, now: Instant, conn: ConnId, out: &mut Effects) {
        out.push(Effect::Abort { conn });
        match self.pool.get(conn).map(|entry| &mut entry.stage) {
            Some(Stage::Up(connection)) if connection.is_open() => {
                connection.close(CloseReason::GaveWay, &mut self.events);
                self.settle(now, conn, out);
            }
            Some(Stage::Lingering { .. }) => self.forget(conn),
            _ => self.end(now, conn, CloseReason::PushedOut, out),
        }
    }

    /// Makes room for a dial of this peer's own, if all places are taken.
    pub(super) fn make_room(&mut self, now: Instant, out: &mut Effects) {
        if self.pool.len() >= self.config.limits.max_connections
            && let Some(other) = self.expendable(now)
        {
            self.status.count(Refusal::ConnectionsFull);
            self.give_way(now, other, out);
        }
    }

    /// Dials an address, or the first that answers of those that it stands for (`/dnsaddr`).
    pub fn dial(
        &mut self,
        now: Instant,
        address: &Multiaddr,
        out: &mut Effects,
    ) -> Result<ConnId, CannotDial> {
        self.dial_within(now, address, Scope::Any, out)
    }

    /// Dials an address that other peers told. It may only lead to public addresses, unless a local
    /// peer told its host: otherwise any peer could make us dial hosts on our own network.
    pub fn dial_told(
        &mut self,
        now: Instant,
        address: &Multiaddr,
        out: &mut Effects,
    ) -> Result<ConnId, CannotDial> {
        let scope = match Endpoint::try_from(address) {
            Ok(endpoint) if self.local_hosts.contains(&endpoint.host) => Scope::Any,
            _ => Scope::Global,
        };
        self.dial_within(now, address, scope, out)
    }

    fn dial_within(
        &mut self,
        now: Instant,
        address: &Multiaddr,
        scope: Scope,
        out: &mut Effects,
    ) -> Result<ConnId, CannotDial> {
        let limits = &self.config.limits;
        let route = Route::new(address, scope, limits.route.clone()).map_err(|error| {
            if error == EndpointError::NotPublic {
                self.status.count(Refusal::NotPublic);
            }
            CannotDial::Address(error)
        })?;
        let peer = address.peer_id();
        if peer == Some(self.peer_id) {
            return Err(CannotDial::Oneself);
        }
        let secure = Endpoint::try_from(address)
            .is_ok_and(|endpoint| endpoint.transport == Transport::SecureWebSocket);
        if secure && self.local.tls.is_none() {
            return Err(CannotDial::Address(EndpointError::Tls));
        }
        if self.pool.len() >= limits.max_connections {
            self.status.count(Refusal::ConnectionsFull);
            return Err(CannotDial::Full);
        }
        let conn = self.new_conn();
        self.status.dialed += 1;
        let deadline = now + self.config.connection.set_up_timeout;
        self.pool
            .insert(conn, Entry::dialing(now, route, peer, deadline));
        self.try_next(now, conn, "", out);
        self.set_timer(conn);
        Ok(conn)
    }

    /// Tries the next endpoint of a connection's route. If there is none, the connection ends with
    /// `reason`, that of the last one.
    pub(super) fn try_next(&mut self, now: Instant, conn: ConnId, reason: &str, out: &mut Effects) {
        let (own, tls) = (self.peer_id, self.local.tls.is_some());
        let fits = |endpoint: &Endpoint| {
            endpoint.peer != Some(own) && (tls || endpoint.transport != Transport::SecureWebSocket)
        };
        let Some(entry) = self.pool.get(conn) else {
            return;
        };
        let Stage::Dialing {
            endpoint, route, ..
        } = &mut entry.stage
        else {
            return;
        };
        match route.next(fits) {
            Step::LookUp(name) => {
                *endpoint = None;
                out.push(Effect::LookUp { conn, name });
            }
            Step::Dial(next) => {
                *endpoint = Some(next.clone());
                entry.transport = next.transport;
                entry.expected = next.peer;
                out.push(Effect::Dial {
                    conn,
                    endpoint: next,
                });
            }
            Step::End => self.end(now, conn, CloseReason::DialFailed(reason.into()), out),
        }
    }

    /// Closes a connection in good order.
    pub fn close(&mut self, now: Instant, conn: ConnId, out: &mut Effects) {
        self.close_because(now, conn, CloseReason::Local, out);
    }

    /// Closes all connections to a peer.
    pub fn disconnect(&mut self, now: Instant, peer: &PeerId, out: &mut Effects) {
        for conn in self.pool.of_peer(peer) {
            self.close(now, conn, out);
        }
    }

    pub(super) fn close_because(
        &mut self,
        now: Instant,
        conn: ConnId,
        reason: CloseReason,
        out: &mut Effects,
    ) {
        match self.pool.get(conn).map(|entry| &mut entry.stage) {
            Some(Stage::Up(connection)) => {
                connection.close(reason, &mut self.events);
                self.settle(now, conn, out);
            }
            Some(Stage::Dialing { .. }) => {
                out.push(Effect::Abort { conn });
                self.end(now, conn, reason, out);
            }
            Some(Stage::Lingering { .. }) | None => {}
        }
    }
}
