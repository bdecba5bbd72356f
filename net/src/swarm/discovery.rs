//! Kademlia's part of the swarm: who enters the routing table, and how its questions get to peers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::ask::{Ask, Purpose};
use super::conn_id::ConnId;
use super::effect::{Effect, Effects, Event};
use super::machine::Swarm;
use crate::connection::Context;
use crate::identify::Info;
use crate::kad::{Action, CannotFind, Contact, Key, Message, QueryId};
use basalt_terms::multiaddr::{Endpoint, Multiaddr, Transport};
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// Addresses kept of one peer. Bounds endless lists; what is of no use here is not counted.
const MAX_ADDRESSES: usize = 16;
/// Addresses of one peer that are dialed for one question. Bounds how many hosts an answer full of
/// addresses makes us dial.
const MAX_DIALS: usize = 4;

impl Swarm {
    /// Searches a peer with Kademlia; [`Event::Found`] follows.
    pub fn find(
        &mut self,
        now: Instant,
        peer: PeerId,
        out: &mut Effects,
    ) -> Result<(), CannotFind> {
        self.kad.find(now, peer)?;
        self.discover(now, out);
        Ok(())
    }

    /// The peers of the routing table that are closest to a place, closest first.
    pub fn closest(&self, key: &Key, count: usize) -> Vec<Contact> {
        self.kad.closest(key, count)
    }

    /// The addresses of a peer in the routing table.
    pub fn addresses(&self, peer: &PeerId) -> Option<&[Multiaddr]> {
        self.kad.addresses(peer)
    }

    /// The peers in the routing table.
    pub fn routing_table(&self) -> impl Iterator<Item = &PeerId> {
        self.kad.peers()
    }

    /// How many peers there are in the routing table.
    pub fn routing_table_len(&self) -> usize {
        self.kad.len()
    }

    /// The addresses from `conn` that are kept: those that can be dialed, and local ones only from
    /// a peer that is local itself. Otherwise any peer could make us dial hosts on our own network.
    fn useful(&mut self, conn: ConnId, addresses: &[Multiaddr]) -> Vec<Multiaddr> {
        let remote = self.pool.get(conn).and_then(|entry| entry.remote);
        let local = remote.is_some_and(|remote| !basalt_terms::multiaddr::is_global(remote.ip()));
        let (hosts, max) = (&mut self.local_hosts, self.config.limits.max_local_hosts);
        let mut useful = |address: &&Multiaddr| {
            let Ok(endpoint) = Endpoint::try_from(*address) else {
                return false;
            };
            let public = endpoint.is_admitted();
            // Which addresses a name has will be seen.
            let matters = !public || endpoint.host.name().is_some();
            if local && matters && hosts.len() < max {
                hosts.insert(endpoint.host);
            }
            local || public
        };
        addresses
            .iter()
            .filter(|address| useful(address))
            .take(MAX_ADDRESSES)
            .cloned()
            .collect()
    }

    /// A peer has identified itself on a connection. What a `push` leaves out is as it was: a peer
    /// stays in the routing table when it tells a new address only, and keeps its addresses when it
    /// lists its protocols only.
    pub(super) fn learn(
        &mut self,
        now: Instant,
        conn: ConnId,
        peer: PeerId,
        info: &Info,
        push: bool,
    ) {
        let addresses =
            (!push || !info.listen_addrs.is_empty()).then(|| self.useful(conn, &info.listen_addrs));
        let protocol = self.config.kademlia.as_deref();
        let of_network = protocol.is_some_and(|protocol| info.speaks(protocol));
        let told = self.told.entry(peer).or_default();
        if let Some(addresses) = addresses {
            told.addresses = addresses;
        }
        if !push || !info.protocols.is_empty() {
            told.of_network = Some(of_network);
        }
        match told.of_network {
            Some(true) => {
                self.kad.identified(now, peer, told.addresses.clone());
                if self.bootstrap.identified(conn) {
                    self.kad.refresh(now);
                }
            }
            Some(false) => self.kad.not_of_network(&peer),
            // It was asked and has yet to answer.
            None => {}
        }
    }

    /// Does what Kademlia wants done.
    pub(super) fn discover(&mut self, now: Instant, out: &mut Effects) {
        while let Some(action) = self.kad.poll(now) {
            match action {
                Action::Ask {
                    query,
                    peer,
                    addresses,
                    target,
                } => {
                    let purpose = Purpose::Question { query, target };
                    self.want(now, peer, purpose, addresses, out);
                }
                Action::Check { peer, addresses } => {
                    self.want(now, peer, Purpose::Check, addresses, out);
                }
                Action::Done {
                    target: peer,
                    addresses,
                    closest,
                } => {
                    out.push(Effect::Other(Event::Found {
                        peer,
                        addresses,
                        closest,
                    }));
                }
            }
        }
    }

    /// Does what `purpose` asks, over a connection to the peer if there is one.
    fn want(
        &mut self,
        now: Instant,
        peer: PeerId,
        purpose: Purpose,
        mut rest: Vec<Multiaddr>,
        out: &mut Effects,
    ) {
        if let Some(conn) = self.pool.newest(&peer) {
            self.serve(now, conn, &peer, &purpose);
            return self.settle(now, conn, out);
        }
        if let Some(ask) = self.asks.values_mut().find(|ask| ask.peer == peer) {
            return ask.purposes.push(purpose);
        }
        rest.retain(|address| self.leads_to(address, &peer));
        rest.truncate(MAX_DIALS);
        let purposes = alloc::vec![purpose];
        self.dial_next(
            now,
            Ask {
                peer,
                purposes,
                rest,
            },
            out,
        );
    }

    /// Whether an address can be dialed here to reach a peer.
    fn leads_to(&self, address: &Multiaddr, peer: &PeerId) -> bool {
        Endpoint::try_from(address).is_ok_and(|endpoint| {
            let tls = endpoint.transport == Transport::SecureWebSocket;
            endpoint.peer.is_none_or(|named| named == *peer) && (!tls || self.config.tls.is_some())
        })
    }

    /// Dials the next address at which a peer may be.
    fn dial_next(&mut self, now: Instant, mut ask: Ask, out: &mut Effects) {
        while !ask.rest.is_empty() {
            let address = ask.rest.remove(0);
            // The id makes sure that it is this peer who answers.
            let address = match address.peer_id() {
                Some(_) => address,
                None => address.with(basalt_terms::multiaddr::Protocol::P2p(ask.peer)),
            };
            let right = Endpoint::try_from(&address).is_ok_and(|end| end.peer == Some(ask.peer));
            if right && let Ok(conn) = self.dial_told(now, &address, out) {
                if let Some(entry) = self.pool.get(conn) {
                    entry.passing = true;
                }
                self.asks.insert(conn, ask);
                return;
            }
        }
        for purpose in ask.purposes {
            match purpose {
                Purpose::Question { query, .. } => self.kad.failed(now, query, &ask.peer),
                Purpose::Check => self.kad.unreachable(&ask.peer),
            }
        }
    }

    fn serve(&mut self, now: Instant, conn: ConnId, peer: &PeerId, purpose: &Purpose) {
        let Purpose::Question { query, target } = purpose else {
            return;
        };
        let context = Context {
            now,
            local: &self.local,
            allowance: 0,
        };
        let request = Message::find_node(target);
        let asked = self
            .pool
            .connection(conn)
            .is_some_and(|connection| connection.ask_kad(context, *query, &request));
        if !asked {
            self.kad.failed(now, *query, peer);
        }
    }

    /// The connection that something waited for is up.
    pub(super) fn ask_waiting(&mut self, now: Instant, conn: ConnId) {
        if let Some(ask) = self.asks.remove(&conn) {
            for purpose in &ask.purposes {
                self.serve(now, conn, &ask.peer, purpose);
            }
        }
    }

    /// The connection that something waited for cannot be had.
    pub(super) fn ask_failed(&mut self, now: Instant, conn: ConnId, out: &mut Effects) {
        let Some(mut ask) = self.asks.remove(&conn) else {
            return;
        };
        let Some(other) = self.pool.newest(&ask.peer) else {
            return self.dial_next(now, ask, out);
        };
        // The peer has connected to us meanwhile.
        for purpose in core::mem::take(&mut ask.purposes) {
            self.serve(now, other, &ask.peer, &purpose);
        }
        self.settle(now, other, out);
    }

    /// A peer has answered a question, or will not.
    pub(super) fn kad_answer(
        &mut self,
        now: Instant,
        conn: ConnId,
        peer: Option<PeerId>,
        query: QueryId,
        answer: Option<Box<Message>>,
    ) {
        let Some(peer) = peer else { return };
        match answer {
            Some(answer) => {
                let mut closer = answer.closer;
                for contact in &mut closer {
                    contact.addresses = self.useful(conn, &contact.addresses);
                }
                self.kad.answered(query, &peer, closer);
            }
            None => self.kad.failed(now, query, &peer),
        }
    }
}
