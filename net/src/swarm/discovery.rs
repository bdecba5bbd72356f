//! Kademlia's part of the swarm: who enters the routing table, and how its questions get to peers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{ConnId, Effect, Effects, Event, Swarm};
use crate::connection::Context;
use crate::identify::Info;
use crate::kad::{Action, CannotFind, Contact, Key, Message, QueryId};
use crate::multiaddr::{Endpoint, Multiaddr};
use crate::peer_id::PeerId;
use crate::time::Instant;

/// A question that waits for a connection to the peer it is for.
#[derive(Debug)]
pub(super) struct Ask {
    query: QueryId,
    peer: PeerId,
    target: PeerId,
    /// Addresses that were not tried yet.
    rest: Vec<Multiaddr>,
}

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
    pub fn addresses(&mut self, peer: &PeerId) -> Option<&[Multiaddr]> {
        self.kad.addresses(peer)
    }

    /// Peers in the routing table.
    pub fn routing_table_len(&self) -> usize {
        self.kad.len()
    }

    /// Addresses from `conn` that are worth keeping: such that can be dialed, and local ones only from
    /// a peer that is local itself. Otherwise strangers could make us knock at our neighbours' doors.
    fn useful(&mut self, conn: ConnId, addresses: &[Multiaddr]) -> Vec<Multiaddr> {
        let remote = self.pool.get(conn).and_then(|entry| entry.remote);
        let local = remote.is_some_and(|remote| !crate::multiaddr::is_global(remote.ip()));
        let useful = |address: &&Multiaddr| {
            Endpoint::try_from(*address).is_ok_and(|endpoint| local || endpoint.is_global())
        };
        addresses.iter().filter(useful).cloned().collect()
    }

    /// A peer has identified itself on a connection.
    pub(super) fn learn(&mut self, now: Instant, conn: ConnId, peer: PeerId, info: &Info) {
        if self
            .config
            .kademlia
            .as_deref()
            .is_some_and(|protocol| info.speaks(protocol))
        {
            let addresses = self.useful(conn, &info.listen_addrs);
            self.kad.identified(now, peer, addresses);
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
                    self.ask(
                        now,
                        Ask {
                            query,
                            peer,
                            target,
                            rest: addresses,
                        },
                        out,
                    );
                }
                Action::Done {
                    target: peer,
                    addresses,
                    closest,
                } => {
                    out.push(Effect::Event(Event::Found {
                        peer,
                        addresses,
                        closest,
                    }));
                }
            }
        }
    }

    /// Asks a peer, dialing it first if need be.
    fn ask(&mut self, now: Instant, mut ask: Ask, out: &mut Effects) {
        if let Some(&conn) = self.pool.of_peer(&ask.peer).last() {
            self.ask_on(now, conn, &ask);
            return self.settle(now, conn, out);
        }
        while let Some(address) = ask.rest.pop() {
            // The id makes sure that it is this peer who answers.
            let address = match address.peer_id() {
                Some(_) => address,
                None => address.with(crate::multiaddr::Protocol::P2p(ask.peer)),
            };
            let right = Endpoint::try_from(&address).is_ok_and(|end| end.peer == Some(ask.peer));
            if right && let Ok(conn) = self.dial(now, &address, out) {
                self.asks.insert(conn, ask);
                return;
            }
        }
        self.kad.failed(now, ask.query, &ask.peer);
    }

    fn ask_on(&mut self, now: Instant, conn: ConnId, ask: &Ask) {
        let context = Context {
            now,
            local: &self.local,
            allowance: 0,
        };
        let request = Message::find_node(&ask.target);
        let asked = self
            .pool
            .connection(conn)
            .is_some_and(|connection| connection.ask_kad(context, ask.query, &request));
        if !asked {
            self.kad.failed(now, ask.query, &ask.peer);
        }
    }

    /// The connection that a question waited for is up.
    pub(super) fn ask_waiting(&mut self, now: Instant, conn: ConnId) {
        if let Some(ask) = self.asks.remove(&conn) {
            self.ask_on(now, conn, &ask);
        }
    }

    /// The connection that a question waited for cannot be had.
    pub(super) fn ask_failed(&mut self, now: Instant, conn: ConnId, out: &mut Effects) {
        if let Some(ask) = self.asks.remove(&conn) {
            self.ask(now, ask, out);
        }
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
