//! Connections by id, by peer and by address.
//!
//! Ordered maps, since peers choose some of the keys and could make a hash map slow.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::conn_id::ConnId;
use super::places::{Places, Use, machine};
use super::route::Route;
use super::status::ConnectionStatus;
use crate::connection::Connection;
use crate::direction::Direction;
use basalt_terms::multiaddr::{Endpoint, Transport};
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// The state of a connection's TCP part.
#[derive(Debug)]
pub(super) enum Stage {
    Dialing {
        /// Where to, unless it has yet to be looked up.
        endpoint: Option<Endpoint>,
        route: Route,
        deadline: Instant,
    },
    Up(Box<Connection>),
    /// Over, but the edge has yet to send the last bytes.
    Lingering {
        connection: Box<Connection>,
        until: Instant,
    },
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) stage: Stage,
    pub(super) direction: Direction,
    /// Of one that is looked up: TCP, until that is known better.
    pub(super) transport: Transport,
    pub(super) remote: Option<SocketAddr>,
    /// The peer that was dialed.
    pub(super) expected: Option<PeerId>,
    /// The peer that has proven itself.
    pub(super) peer: Option<PeerId>,
    /// The timer that is set.
    pub(super) timer: Option<Instant>,
    /// Whether the edge knows that there is output.
    pub(super) announced: bool,
    /// Whether it stands among those with news.
    pub(super) news: bool,
    /// Memory counted for unfinished particles.
    pub(super) held: usize,
    /// Streams counted that the other side has open.
    pub(super) streams: usize,
    /// Bytes counted as waiting to be sent.
    pub(super) queued: usize,
    /// Whether it was made to ask something, and nobody else needs it.
    pub(super) passing: bool,
    /// When it began.
    pub(super) since: Instant,
    /// Bytes that the transport ever took.
    pub(super) taken: u64,
    /// Whether something is on its way there and nothing moves.
    pub(super) stuck: bool,
}

impl Entry {
    pub(super) fn inbound(
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
        connection: Connection,
    ) -> Self {
        let stage = Stage::Up(connection.into());
        Self::new(
            now,
            stage,
            Direction::Inbound,
            transport,
            Some(remote),
            None,
        )
    }

    pub(super) fn dialing(
        now: Instant,
        route: Route,
        peer: Option<PeerId>,
        deadline: Instant,
    ) -> Self {
        let stage = Stage::Dialing {
            endpoint: None,
            route,
            deadline,
        };
        Self::new(now, stage, Direction::Outbound, Transport::Tcp, None, peer)
    }

    fn new(
        now: Instant,
        stage: Stage,
        direction: Direction,
        transport: Transport,
        remote: Option<SocketAddr>,
        expected: Option<PeerId>,
    ) -> Self {
        let (peer, timer, announced, news, passing) = (None, None, false, false, false);
        let (held, queued, taken, stuck) = (0, 0, 0, false);
        Self {
            stage,
            direction,
            transport,
            remote,
            expected,
            peer,
            timer,
            announced,
            news,
            held,
            streams: 0,
            queued,
            passing,
            since: now,
            taken,
            stuck,
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Dialing { deadline, .. } => Some(*deadline),
            Stage::Up(connection) => connection.wake_at(),
            Stage::Lingering { until, .. } => Some(*until),
        }
    }

    /// Whether it has something for its transport.
    pub(super) fn has_output(&self) -> bool {
        match &self.stage {
            Stage::Up(connection) | Stage::Lingering { connection, .. } => connection.has_output(),
            Stage::Dialing { .. } => false,
        }
    }

    /// When bytes of its peer came in last.
    pub(super) fn heard(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Up(connection) => Some(connection.heard()),
            _ => None,
        }
    }

    pub(super) fn status(&self, conn: ConnId) -> ConnectionStatus {
        let connection = match &self.stage {
            Stage::Up(connection) => Some(connection),
            _ => None,
        };
        ConnectionStatus {
            conn,
            peer: self.peer,
            remote: self.remote,
            direction: self.direction,
            transport: self.transport,
            round_trip: connection.and_then(|connection| connection.round_trip()),
            queued: connection.map_or(0, |connection| connection.queued()),
        }
    }

    /// The address that this connection is counted for.
    fn counted_address(&self) -> Option<IpAddr> {
        match (self.direction, self.remote) {
            (Direction::Inbound, Some(remote)) => network(remote.ip()),
            _ => None,
        }
    }
}

/// What is counted as one machine: not the loopback address, where proxies live.
fn network(ip: IpAddr) -> Option<IpAddr> {
    let machine = machine(ip);
    (!ip.to_canonical().is_loopback()).then_some(machine)
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    entries: BTreeMap<ConnId, Entry>,
    /// The connections of each peer.
    peers: BTreeMap<PeerId, Conns>,
    /// Inbound connections by address.
    addresses: Tally,
    set_ups: usize,
    /// Inbound connections that have not proven their peer, oldest first.
    strangers: BTreeSet<ConnId>,
    /// The same by address.
    stranger_addresses: Tally,
    /// Inbound connections of peers that may give way to others.
    places: Places,
    /// Those that are over, but have bytes to send.
    lingering: BTreeSet<ConnId>,
}

/// The connections of one peer, oldest first.
#[derive(Debug, Default)]
struct Conns {
    open: Vec<ConnId>,
    /// Those on which it takes no more streams.
    left: Vec<ConnId>,
}

/// How much a connection is used.
fn uses(entries: &BTreeMap<ConnId, Entry>) -> impl Fn(ConnId) -> Use {
    |conn| match entries.get(&conn).map(|entry| (&entry.stage, entry.since)) {
        Some((Stage::Up(connection), since)) => {
            let used = connection.last_used();
            (used > connection.opened().unwrap_or(since), used)
        }
        _ => (false, Instant::ZERO),
    }
}

/// Connections by the address they are counted for.
#[derive(Debug, Default)]
struct Tally(BTreeMap<IpAddr, usize>);

impl Tally {
    fn of(&self, ip: IpAddr) -> usize {
        let count = network(ip).and_then(|ip| self.0.get(&ip));
        count.copied().unwrap_or(0)
    }

    fn add(&mut self, ip: Option<IpAddr>) {
        if let Some(ip) = ip {
            *self.0.entry(ip).or_default() += 1;
        }
    }

    fn remove(&mut self, ip: Option<IpAddr>) {
        if let Some(ip) = ip
            && let Some(count) = self.0.get_mut(&ip)
        {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&ip);
            }
        }
    }
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Connections that are dialing or have not proven their peer.
    pub(super) fn set_ups(&self) -> usize {
        self.set_ups
    }

    pub(super) fn ids(&self) -> Vec<ConnId> {
        self.entries.keys().copied().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Entry)> {
        self.entries.iter().map(|(conn, entry)| (*conn, entry))
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = &PeerId> {
        let connected = |(peer, conns): (_, &Conns)| (!conns.open.is_empty()).then_some(peer);
        self.peers.iter().filter_map(connected)
    }

    pub(super) fn inbound_from(&self, ip: IpAddr) -> usize {
        self.addresses.of(ip)
    }

    /// Whether an address has no inbound connection. The loopback address, where proxies live, is
    /// nobody's in particular, and so it is never new.
    pub(super) fn is_newcomer(&self, ip: IpAddr) -> bool {
        network(ip).is_some() && self.addresses.of(ip) == 0
    }

    /// Inbound connections from an address that have not proven their peer.
    pub(super) fn strangers_from(&self, ip: IpAddr) -> usize {
        self.stranger_addresses.of(ip)
    }

    /// The inbound connection that has not proven its peer for the longest.
    pub(super) fn oldest_stranger(&self) -> Option<ConnId> {
        self.strangers.first().copied()
    }

    /// The same, of those from one address. They are few: see the limit of connections in set-up.
    pub(super) fn oldest_stranger_from(&self, ip: IpAddr) -> Option<ConnId> {
        let address = network(ip)?;
        let from = |conn: &ConnId| {
            let entry = self.entries.get(conn);
            entry.and_then(Entry::counted_address) == Some(address)
        };
        self.strangers.iter().copied().find(from)
    }

    /// Who gives way when all places are taken: whoever is gone already, then who has been silent
    /// since before `quiet` without a proof, then the idlest, then the oldest without a proof.
    pub(super) fn expendable(&mut self, quiet: Instant) -> Option<ConnId> {
        let stranger = self.oldest_stranger();
        let since = stranger.and_then(|conn| Some(self.entries.get(&conn)?.since));
        let lingering = self.lingering.first().copied();
        lingering
            .or(stranger.filter(|_| since <= Some(quiet)))
            .or_else(|| self.places.idlest(uses(&self.entries)))
            .or(stranger)
    }

    /// Who gives way to another connection of the same address.
    pub(super) fn expendable_of(&mut self, ip: IpAddr) -> Option<ConnId> {
        let stranger = self.oldest_stranger_from(ip);
        stranger.or_else(|| self.places.idlest_of(ip, uses(&self.entries)))
    }

    /// An inbound connection has proven its peer, or is over.
    fn no_stranger(&mut self, conn: ConnId) {
        if self.strangers.remove(&conn)
            && let Some(entry) = self.entries.get(&conn)
        {
            self.stranger_addresses.remove(entry.counted_address());
        }
    }

    pub(super) fn insert(&mut self, conn: ConnId, entry: Entry) {
        self.addresses.add(entry.counted_address());
        if entry.direction == Direction::Inbound {
            self.strangers.insert(conn);
            self.stranger_addresses.add(entry.counted_address());
        }
        self.set_ups += 1;
        self.entries.insert(conn, entry);
    }

    pub(super) fn get(&mut self, conn: ConnId) -> Option<&mut Entry> {
        self.entries.get_mut(&conn)
    }

    pub(super) fn look(&self, conn: ConnId) -> Option<&Entry> {
        self.entries.get(&conn)
    }

    /// A connection whose TCP part is up.
    pub(super) fn connection(&mut self, conn: ConnId) -> Option<&mut Connection> {
        match self.entries.get_mut(&conn).map(|entry| &mut entry.stage) {
            Some(Stage::Up(connection)) => Some(connection),
            _ => None,
        }
    }

    /// The connections of a peer, oldest first: those on which it takes no more streams, then the
    /// others.
    pub(super) fn of_peer(&self, peer: &PeerId) -> Vec<ConnId> {
        let conns = self.peers.get(peer);
        conns.map_or_else(Vec::new, |conns| {
            [&conns.left[..], &conns.open[..]].concat()
        })
    }

    /// The connections of a peer on which it takes streams, oldest first.
    pub(super) fn open_of(&self, peer: &PeerId) -> &[ConnId] {
        self.peers.get(peer).map_or(&[], |conns| &conns.open)
    }

    /// The newest connection of a peer on which it takes streams.
    pub(super) fn newest(&self, peer: &PeerId) -> Option<ConnId> {
        self.open_of(peer).last().copied()
    }

    /// A peer takes no more streams on a connection; true if it does so on no other one.
    pub(super) fn retire(&mut self, conn: ConnId, peer: &PeerId) -> bool {
        let Some(conns) = self.peers.get_mut(peer) else {
            return false;
        };
        let Some(at) = conns.open.iter().position(|&open| open == conn) else {
            return false;
        };
        conns.open.remove(at);
        conns.left.push(conn);
        conns.open.is_empty()
    }

    /// A peer has proven itself; true if this is its only connection that takes streams. One that
    /// is `kept` never gives way to others.
    pub(super) fn establish(&mut self, conn: ConnId, peer: PeerId, kept: bool) -> bool {
        if let Some(entry) = self.entries.get_mut(&conn) {
            entry.peer = Some(peer);
            let inbound = entry
                .remote
                .filter(|_| entry.direction == Direction::Inbound);
            if let Some(remote) = inbound.filter(|_| !kept) {
                let used = uses(&self.entries)(conn);
                self.places.add(conn, remote.ip(), used);
            }
            self.set_ups -= 1;
            self.no_stranger(conn);
        }
        let conns = self.peers.entry(peer).or_default();
        conns.open.push(conn);
        conns.open.len() == 1
    }

    /// A connection is over; gives its peer if that was the last one on which it took streams.
    pub(super) fn leave(&mut self, conn: ConnId) -> Option<PeerId> {
        let Some(peer) = self.entries.get_mut(&conn)?.peer.take() else {
            self.set_ups -= 1;
            self.no_stranger(conn);
            return None;
        };
        self.places.remove(conn);
        let conns = self.peers.get_mut(&peer)?;
        let was_open = !conns.left.contains(&conn);
        conns.open.retain(|&other| other != conn);
        conns.left.retain(|&other| other != conn);
        let is_last = was_open && conns.open.is_empty();
        if conns.open.is_empty() && conns.left.is_empty() {
            self.peers.remove(&peer);
        }
        is_last.then_some(peer)
    }

    pub(super) fn linger(&mut self, conn: ConnId, until: Instant) {
        if let Some(mut entry) = self.entries.remove(&conn) {
            if let Stage::Up(connection) = entry.stage {
                entry.stage = Stage::Lingering { connection, until };
                self.lingering.insert(conn);
            }
            self.entries.insert(conn, entry);
        }
    }

    /// Forgets a connection that has left.
    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Entry> {
        let entry = self.entries.remove(&conn)?;
        self.lingering.remove(&conn);
        self.addresses.remove(entry.counted_address());
        Some(entry)
    }
}
