//! The swarm as a state machine: inputs in, effects out.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::SocketAddr;

use basalt_terms::multiaddr::{HostName, Multiaddr};
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::{Instant, earliest};
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::ask::Ask;
use super::bootstrap::Bootstrap;
use super::config::Config;
use super::conn_id::ConnId;
use super::effect::{Effect, Effects, Event, Input};
use super::origins::Origins;
use super::pool::{Pool, Stage};
use super::status::{ConnectionStatus, Status};
use super::told::Told;
use super::under_way::Delivery;
use crate::connection::{self, CloseReason, Connection, Context, Local, Setup};
use crate::direction::Direction;
use crate::identify::{self, Info};
use crate::kad::Kad;
use crate::keypair::Keypair;
use crate::refusal::Refusal;
use crate::{noise, particle, ping};

/// Time for the edge to send the last bytes of a closed connection.
const LINGER: core::time::Duration = core::time::Duration::from_secs(10);

/// A peer with fewer bytes than this queued for it is read from, however little of the common
/// budget is left. Without it, slow peers could stop the others.
const MIN_SHARE: usize = 64 * 1024;

/// Streams that a peer may have open, however many the others have.
const MIN_STREAMS: usize = 16;

/// All connections of one peer.
#[derive(Debug)]
pub struct Swarm {
    pub(super) config: Config,
    keypair: Keypair,
    pub(super) peer_id: PeerId,
    pub(super) rng: ChaCha20Rng,
    pub(super) local: Local,
    listen_addresses: Vec<Multiaddr>,
    pub(super) pool: Pool,
    pub(super) bootstrap: Bootstrap,
    /// Host names that peers on our own network told. Only these may lead to local addresses.
    pub(super) local_hosts: BTreeSet<HostName>,
    pub(super) kad: Kad,
    /// What each connected peer has told of itself.
    pub(super) told: BTreeMap<PeerId, Told>,
    /// What Kademlia wants of peers that are being dialed.
    pub(super) asks: BTreeMap<ConnId, Ask>,
    /// Where particles came in.
    pub(super) origins: Origins,
    /// Particles that go out.
    pub(super) delivery: Delivery,
    /// Peers that are not read from for now.
    paused: BTreeSet<PeerId>,
    /// When each connection wants to be woken.
    timers: BTreeSet<(Instant, ConnId)>,
    /// Connections that have something to tell after a `transmit`.
    news: Vec<ConnId>,
    /// Used again at each step, to spare an allocation.
    pub(super) events: Vec<connection::Event>,
    scratch: Vec<u8>,
    pub(super) next_conn: u64,
    pub(super) next_send: u64,
    pub(super) status: Status,
}

impl Swarm {
    /// The swarm of the peer that `keypair` stands for. `seed` feeds all its randomness and must be
    /// unpredictable and new at each start.
    pub fn new(config: Config, keypair: Keypair, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let noise = noise::Identity::new(&keypair, entropy(&mut rng));
        let local = Local {
            noise,
            identify: Vec::new(),
            tls: config.tls.clone(),
            kademlia: config.kademlia.clone(),
            limits: config.connection.clone(),
        };
        let mut swarm = Self {
            bootstrap: Bootstrap::new(&config.bootstrap),
            local_hosts: BTreeSet::new(),
            kad: Kad::new(config.kad.clone(), keypair.peer_id(), entropy(&mut rng)),
            told: BTreeMap::new(),
            asks: BTreeMap::new(),
            origins: Origins::new(entropy(&mut rng)),
            delivery: Delivery::default(),
            paused: BTreeSet::new(),
            peer_id: keypair.peer_id(),
            config,
            keypair,
            rng,
            local,
            listen_addresses: Vec::new(),
            pool: Pool::default(),
            timers: BTreeSet::new(),
            news: Vec::new(),
            events: Vec::new(),
            scratch: Vec::new(),
            next_conn: 1,
            next_send: 1,
            status: Status::default(),
        };
        swarm.local.identify = swarm.info().encode();
        swarm
    }

    /// The id of this peer.
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// What identify tells about this peer.
    pub fn info(&self) -> Info {
        let protocols = [
            particle::PROTOCOL,
            identify::PROTOCOL,
            identify::PUSH_PROTOCOL,
            ping::PROTOCOL,
        ];
        let others = self.config.kademlia.iter().cloned();
        Info {
            public_key: Some(self.keypair.public().into()),
            protocol_version: self.config.protocol_version.clone(),
            agent_version: self.config.agent_version.clone(),
            listen_addrs: self.listen_addresses.clone(),
            observed_addr: None,
            protocols: protocols
                .into_iter()
                .map(Into::into)
                .chain(others)
                .collect(),
        }
    }

    /// Sets the addresses that others are told, and tells those who are connected. From the first
    /// call on, bootstrap peers are dialed: before it there is no address to dial from.
    pub fn set_listen_addresses(
        &mut self,
        now: Instant,
        addresses: Vec<Multiaddr>,
        out: &mut Effects,
    ) {
        self.bootstrap.start(now);
        if self.listen_addresses == addresses {
            return;
        }
        self.listen_addresses = addresses;
        self.local.identify = self.info().encode();
        for conn in self.pool.ids() {
            let context = Context {
                now,
                local: &self.local,
                allowance: 0,
            };
            if let Some(connection) = self.pool.connection(conn) {
                connection.push_identity(context);
            }
            self.settle(now, conn, out);
        }
    }

    // -- input ----------------------------------------------------------------------------------

    /// Takes what happened at the edge. Inputs for connections that are gone are ignored.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Effects) {
        match input {
            Input::Dialed { conn, remote } => self.dialed(now, conn, remote, out),
            Input::DialFailed { conn, reason } => self.try_next(now, conn, reason, out),
            Input::LookedUp { conn, texts } => {
                if let Some(entry) = self.pool.get(conn)
                    && let Stage::Dialing { route, .. } = &mut entry.stage
                {
                    route.looked_up(texts.iter().map(Vec::as_slice));
                    self.try_next(now, conn, "its records hold no address to dial", out);
                }
            }
            Input::Received { conn, bytes } => {
                let own = self
                    .pool
                    .get(conn)
                    .map_or((0, 0), |entry| (entry.held, entry.streams));
                let limits = &self.config.limits;
                let allowance = share(limits.max_held, self.status.held - own.0);
                let streams = share(limits.max_streams, self.status.streams - own.1);
                if let Some(connection) = self.pool.connection(conn) {
                    connection.allow_streams(streams.max(MIN_STREAMS));
                    self.status.bytes_in += bytes.len() as u64;
                    let context = Context {
                        now,
                        local: &self.local,
                        allowance,
                    };
                    connection.receive(context, bytes, &mut self.scratch, &mut self.events);
                    let is_heard = connection.heard() == now;
                    if is_heard && let Some(entry) = self.pool.get(conn) {
                        entry.stuck = false;
                    }
                    self.settle(now, conn, out);
                }
            }
            Input::RemoteClosed { conn } => {
                self.close_because(now, conn, CloseReason::Remote, out);
            }
            Input::Lost { conn } => match self.pool.get(conn).map(|entry| &mut entry.stage) {
                Some(Stage::Up(connection)) => {
                    connection.close(CloseReason::Lost, &mut self.events);
                    self.settle(now, conn, out);
                }
                Some(Stage::Dialing { .. }) => self.end(now, conn, CloseReason::Lost, out),
                Some(Stage::Lingering { .. }) => self.forget(conn),
                None => {}
            },
            Input::Timer => self.timer(now, out),
        }
        self.tell_news(now, out);
        self.discover(now, out);
    }

    fn dialed(&mut self, now: Instant, conn: ConnId, remote: SocketAddr, out: &mut Effects) {
        let entropy = [entropy(&mut self.rng), entropy(&mut self.rng)];
        let Some(entry) = self.pool.get(conn) else {
            return;
        };
        let Stage::Dialing {
            endpoint: Some(endpoint),
            ..
        } = &entry.stage
        else {
            return;
        };
        let host = match (&endpoint.server_name, &endpoint.host) {
            (Some(name), _) => name.clone(),
            (None, HostName::Ip(ip)) => ip.to_string(),
            (None, name) => name.to_string(),
        };
        let setup = Setup {
            transport: endpoint.transport,
            direction: Direction::Outbound,
            remote,
            expected: endpoint.peer,
            host: &host,
            path: endpoint.path.as_deref().unwrap_or_default(),
            port: endpoint.port,
            entropy,
        };
        let context = Context {
            now,
            local: &self.local,
            allowance: 0,
        };
        match Connection::new(context, &setup) {
            Ok(connection) => {
                entry.stage = Stage::Up(connection.into());
                entry.remote = Some(remote);
                self.settle(now, conn, out);
            }
            Err(error) => {
                out.push(Effect::Abort { conn });
                self.end(now, conn, CloseReason::Failed(error), out);
            }
        }
    }

    fn timer(&mut self, now: Instant, out: &mut Effects) {
        while let Some(&(due, conn)) = self.timers.first()
            && due <= now
        {
            self.timers.pop_first();
            let Some(entry) = self.pool.get(conn) else {
                continue;
            };
            entry.timer = None;
            match &mut entry.stage {
                Stage::Dialing { .. } => {
                    self.status.count(Refusal::SetUpTimeout);
                    out.push(Effect::Abort { conn });
                    self.end(now, conn, CloseReason::SetUpTimeout, out);
                }
                Stage::Up(connection) => {
                    let context = Context {
                        now,
                        local: &self.local,
                        allowance: 0,
                    };
                    if entry.peer.is_some_and(|peer| self.paused.contains(&peer)) {
                        connection.excuse(now);
                    }
                    let idle = now.since(connection.last_used());
                    if entry.passing && idle >= self.config.limits.passing_idle {
                        connection.close(CloseReason::Idle, &mut self.events);
                    } else {
                        connection.tick(context, &mut self.events);
                    }
                    self.settle(now, conn, out);
                }
                Stage::Lingering { .. } => {
                    out.push(Effect::Abort { conn });
                    self.forget(conn);
                }
            }
        }
        self.check_deliveries(now, out);
        while let Some((index, address)) = self.bootstrap.due(now) {
            self.make_room(now, out);
            let dialed = self.dial(now, &address, out);
            if let Err(error) = &dialed {
                log::warn!(target: "net", "bootstrap peer {address}: {error}");
            }
            self.bootstrap.dialed(now, index, dialed.ok());
        }
    }

    /// Reports what `transmit` has led to.
    fn tell_news(&mut self, now: Instant, out: &mut Effects) {
        for conn in core::mem::take(&mut self.news) {
            if let Some(entry) = self.pool.get(conn) {
                entry.news = false;
            }
            if let Some(connection) = self.pool.connection(conn) {
                let context = Context {
                    now,
                    local: &self.local,
                    allowance: 0,
                };
                connection.after_transmit(context, &mut self.events);
                self.settle(now, conn, out);
            }
        }
    }

    /// When [`handle`](Self::handle) wants [`Input::Timer`], if nothing comes in before.
    pub fn wake_at(&self) -> Option<Instant> {
        if !self.news.is_empty() {
            return Some(Instant::ZERO);
        }
        let timer = self.timers.first().map(|&(due, _)| due);
        let wakes = [
            self.bootstrap.wake_at(),
            self.kad.wake_at(),
            self.delivery.wake_at(),
        ];
        wakes.into_iter().fold(timer, earliest)
    }

    // -- what a step on one connection leads to -------------------------------------------------

    /// Turns the events of a connection into effects, and brings counters and timer up to date.
    pub(super) fn settle(&mut self, now: Instant, conn: ConnId, out: &mut Effects) {
        let mut events = core::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.event(now, conn, event, out);
        }
        // Closing another connection may have filled a list of its own.
        if self.events.is_empty() {
            self.events = events;
        }
        if let Some(entry) = self.pool.get(conn)
            && let Stage::Up(connection) = &entry.stage
        {
            let (held, queued) = (connection.held(), connection.queued());
            let streams = connection.inbound_streams();
            self.status.streams = self.status.streams - entry.streams + streams;
            entry.streams = streams;
            self.status.held = self.status.held - entry.held + held;
            self.status.queued = self.status.queued - entry.queued + queued;
            (entry.held, entry.queued) = (held, queued);
            if connection.has_output() && !entry.announced {
                entry.announced = true;
                out.push(Effect::Output { conn });
            }
        }
        self.set_timer(conn);
    }

    fn event(&mut self, now: Instant, conn: ConnId, event: connection::Event, out: &mut Effects) {
        use connection::Event as From;
        let peer = self.pool.get(conn).and_then(|entry| entry.peer);
        match event {
            From::Established(peer) => self.established(now, conn, peer, out),
            From::Identified(info) => self.identified(now, conn, info, false, out),
            From::Pushed(info) => self.identified(now, conn, info, true, out),
            From::KadRequest(stream, request) => {
                if let Some(peer) = peer
                    && let Some(connection) = self.pool.connection(conn)
                {
                    connection.answer_kad(stream, self.kad.answer(&peer, &request).as_ref());
                }
            }
            From::KadAnswer(query, answer) => self.kad_answer(now, conn, peer, query, answer),
            From::Particle(particle) => {
                let Some(from) = peer else { return };
                self.status.particles_in += 1;
                self.origins.arrived(conn, &particle.id);
                out.push(Effect::Other(Event::Particle { from, particle }));
            }
            From::Sent(id) => self.delivered(id, out),
            From::SendFailed(id, reason) => self.not_delivered(now, id, reason, out),
            From::Left(particles) => self.left(now, conn, particles, out),
            From::Refused(reason) => self.refused(conn, reason, out),
            From::Closed(reason) => {
                if let CloseReason::Failed(error) = &reason {
                    self.refused(conn, error.refusal(), out);
                }
                self.end(now, conn, reason, out);
            }
        }
    }

    /// A peer has told what it is; with a `push` only what has changed.
    fn identified(
        &mut self,
        now: Instant,
        conn: ConnId,
        info: Box<Info>,
        push: bool,
        out: &mut Effects,
    ) {
        let Some(peer) = self.pool.get(conn).and_then(|entry| entry.peer) else {
            return;
        };
        let stranger = (info.public_key.as_ref()).is_some_and(|key| key.peer_id() != peer);
        if self.pool.newest(&peer).is_none() {
            // It takes no more streams, so it counts as not connected.
            return;
        }
        let lists = !push || !info.protocols.is_empty();
        if stranger {
            self.refused(conn, Refusal::MessageMalformed, out);
        } else if self.config.particles_only && lists && !info.speaks(particle::PROTOCOL) {
            self.refused(conn, Refusal::NoParticles, out);
            self.close_because(now, conn, CloseReason::NoParticles, out);
        } else {
            self.learn(now, conn, peer, &info, push);
            out.push(Effect::Other(Event::Identified { peer, info }));
        }
    }

    fn refused(&mut self, conn: ConnId, reason: Refusal, out: &mut Effects) {
        self.status.count(reason);
        out.push(Effect::Other(Event::Refused { conn, reason }));
    }

    fn established(&mut self, now: Instant, conn: ConnId, peer: PeerId, out: &mut Effects) {
        if peer == self.peer_id {
            return self.close_because(now, conn, CloseReason::Local, out);
        }
        let kept = self.config.kept_peers.contains(&peer);
        let first = self.pool.establish(conn, peer, kept);
        self.status.established += 1;
        self.bootstrap.connected(conn);
        self.kad.connected(now, &peer);
        if let Some(entry) = self.pool.get(conn)
            && let Some(remote) = entry.remote
        {
            let direction = entry.direction;
            out.push(Effect::Other(Event::Connected {
                peer,
                conn,
                remote,
                direction,
                first,
            }));
        }
        self.ask_waiting(now, conn);
        let conns = self.pool.of_peer(&peer);
        if conns.len() > self.config.limits.max_per_peer {
            let oldest = conns[0];
            self.refused(oldest, Refusal::PeerFull, out);
            self.close_because(now, oldest, CloseReason::Replaced, out);
        }
    }

    /// A connection is over: its last bytes may still leave.
    pub(super) fn end(
        &mut self,
        now: Instant,
        conn: ConnId,
        reason: CloseReason,
        out: &mut Effects,
    ) {
        let Some(entry) = self.pool.get(conn) else {
            return;
        };
        let peer = entry.peer.or(entry.expected);
        let was_up = matches!(entry.stage, Stage::Up(_));
        let abrupt = matches!(
            reason,
            CloseReason::Lost | CloseReason::PushedOut | CloseReason::GaveWay
        );
        let rest = match &entry.stage {
            Stage::Up(connection) => !abrupt && connection.has_output(),
            _ => false,
        };
        self.status.held -= core::mem::take(&mut entry.held);
        self.status.streams -= core::mem::take(&mut entry.streams);
        self.status.queued -= core::mem::take(&mut entry.queued);
        self.origins.forget(conn);
        let disconnected = self.pool.leave(conn);
        self.bootstrap.closed(now, conn);
        self.ask_failed(now, conn, out);
        if was_up && !abrupt {
            out.push(Effect::Close { conn });
        }
        if rest {
            self.pool.linger(conn, now + LINGER);
            self.set_timer(conn);
        } else {
            self.forget(conn);
        }
        out.push(Effect::Other(Event::Closed { conn, peer, reason }));
        if let Some(peer) = disconnected {
            self.disconnected(now, peer, out);
        }
    }

    pub(super) fn disconnected(&mut self, now: Instant, peer: PeerId, out: &mut Effects) {
        self.told.remove(&peer);
        self.kad.disconnected(now, &peer);
        out.push(Effect::Other(Event::Disconnected { peer }));
    }

    pub(super) fn forget(&mut self, conn: ConnId) {
        if let Some(entry) = self.pool.remove(conn)
            && let Some(due) = entry.timer
        {
            self.timers.remove(&(due, conn));
        }
    }

    pub(super) fn set_timer(&mut self, conn: ConnId) {
        let Some(entry) = self.pool.get(conn) else {
            return;
        };
        let due = entry.wake_at();
        if due != entry.timer {
            if let Some(old) = core::mem::replace(&mut entry.timer, due) {
                self.timers.remove(&(old, conn));
            }
            self.timers.extend(due.map(|due| (due, conn)));
        }
    }

    // -- bytes ----------------------------------------------------------------------------------

    /// Fills `buf` with bytes for a connection's transport and gives how many there are; 0 means
    /// that nothing is left. Large buffers are used best: records are encrypted right into them.
    pub fn transmit(&mut self, conn: ConnId, buf: &mut [u8]) -> usize {
        let Some(entry) = self.pool.get(conn) else {
            return 0;
        };
        let (Stage::Up(connection) | Stage::Lingering { connection, .. }) = &mut entry.stage else {
            return 0;
        };
        let len = connection.transmit(buf);
        // Nothing is counted of a connection that is over: it has no streams any more.
        let queued = connection.queued();
        self.status.bytes_out += len as u64;
        entry.taken += len as u64;
        self.status.queued = self.status.queued - entry.queued + queued;
        entry.queued = queued;
        let more = connection.has_output();
        entry.announced = more;
        if connection.has_news() && !entry.news {
            entry.news = true;
            self.news.push(conn);
        }
        if !more && matches!(entry.stage, Stage::Lingering { .. }) {
            self.forget(conn);
        }
        len
    }

    /// Whether [`transmit`](Self::transmit) has something to give.
    pub fn has_output(&mut self, conn: ConnId) -> bool {
        match self.pool.get(conn).map(|entry| &entry.stage) {
            Some(Stage::Up(connection) | Stage::Lingering { connection, .. }) => {
                connection.has_output()
            }
            _ => false,
        }
    }

    /// How many bytes of a connection's transport may be given to [`handle`](Self::handle) at once;
    /// 0 while its peer is paused, or first has to read what waits for it.
    pub fn receive_capacity(&mut self, conn: ConnId) -> usize {
        let Some(entry) = self.pool.get(conn) else {
            return 0;
        };
        let paused = entry.peer.is_some_and(|peer| self.paused.contains(&peer));
        let others = self.status.queued - entry.queued;
        let allowance = share(self.config.limits.max_queued, others).max(MIN_SHARE);
        if paused || entry.queued > allowance || !matches!(entry.stage, Stage::Up(_)) {
            return 0;
        }
        self.config.connection.max_read
    }

    /// Stops reading from a peer, until [`resume`](Self::resume): what it sends waits at its end.
    pub fn pause(&mut self, peer: PeerId) {
        self.paused.insert(peer);
    }

    pub(super) fn is_paused(&self, peer: &PeerId) -> bool {
        self.paused.contains(peer)
    }

    /// Goes on reading from a peer.
    pub fn resume(&mut self, now: Instant, peer: &PeerId) {
        if self.paused.remove(peer) {
            for conn in self.pool.of_peer(peer) {
                if let Some(connection) = self.pool.connection(conn) {
                    connection.excuse(now);
                }
            }
        }
    }

    // -- status ---------------------------------------------------------------------------------

    /// Whether there is a connection to a peer on which it takes streams.
    pub fn is_connected(&self, peer: &PeerId) -> bool {
        self.pool.newest(peer).is_some()
    }

    /// The peers that are connected.
    pub fn peers(&self) -> impl Iterator<Item = &PeerId> {
        self.pool.peers()
    }

    /// How often something was refused for a reason.
    pub fn times_refused(&self, reason: Refusal) -> u64 {
        self.status.refused(reason)
    }

    /// Counters and how things stand.
    pub fn status(&self) -> Status {
        Status {
            connections: self.pool.len(),
            set_ups: self.pool.set_ups(),
            peers: self.pool.peers().count(),
            ..self.status.clone()
        }
    }

    /// Each connection.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionStatus> {
        self.pool.iter().map(|(conn, entry)| entry.status(conn))
    }
}

/// What one connection may take of a budget that all share: half of what the others leave.
pub(super) fn share(budget: usize, others: usize) -> usize {
    budget.saturating_sub(others) / 2
}

/// Fresh randomness for one connection or one module.
pub(super) fn entropy(rng: &mut ChaCha20Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}
