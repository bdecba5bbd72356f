//! The TCP sockets of the stack: a backlog of listening sockets per port, half-open connections
//! that give way under a flood, established ones, and closing ones that may not linger for ever.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;

use smoltcp::iface::{Context, SocketHandle, SocketSet};
use smoltcp::socket::{Socket, tcp};
use smoltcp::wire::IpEndpoint;

use super::clock::to_smoltcp;
use super::config::Limits;
use super::counters::Counters;
use super::error::Error;
use super::event::{Event, SocketId};
use super::pool::Pool;
use basalt_terms::time::Instant;

/// Where a connection is in its life, as its owner knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// We sent SYN.
    Connecting,
    /// Both directions, or only ours after the other's FIN.
    Open { fin_told: bool },
    /// The owner closed or aborted it; must be gone by `until`.
    Closing { until: Instant, aborted: bool },
}

struct Connection {
    handle: SocketHandle,
    phase: Phase,
    /// The owner had more to send than fitted.
    wants_room: bool,
}

struct Listener {
    port: u16,
    ready: Vec<SocketHandle>,
}

/// A listening socket that got a SYN.
struct HalfOpen {
    handle: SocketHandle,
    port: u16,
    since: Instant,
}

pub(super) struct Sockets {
    limits: Limits,
    listeners: Vec<Listener>,
    half_open: Vec<HalfOpen>,
    connections: BTreeMap<SocketId, Connection>,
    /// Evicted and aborted sockets that still owe a reset to the wire, and until when they may.
    leaving: Vec<(SocketHandle, Instant)>,
    pool: Pool,
    next_id: u64,
    next_port: u16,
    full: bool,
}

/// Ephemeral ports (RFC 6335 section 6).
pub(super) const EPHEMERAL: core::ops::RangeInclusive<u16> = 49152..=65535;

impl Sockets {
    pub(super) fn new(limits: Limits, seed: u64) -> Sockets {
        let span = u64::from(EPHEMERAL.end() - EPHEMERAL.start()) + 1;
        Sockets {
            pool: Pool::new(limits.clone()),
            limits,
            listeners: Vec::new(),
            half_open: Vec::new(),
            connections: BTreeMap::new(),
            leaving: Vec::new(),
            next_id: 0,
            next_port: EPHEMERAL.start() + (seed % span) as u16,
            full: false,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn listen(&mut self, port: u16) -> Result<(), Error> {
        if port == 0 {
            return Err(Error::BadAddress);
        }
        if self.listeners.iter().any(|listener| listener.port == port) {
            return Err(Error::PortTaken);
        }
        self.listeners.push(Listener {
            port,
            ready: Vec::new(),
        });
        Ok(())
    }

    pub(super) fn connect(
        &mut self,
        remote: SocketAddr,
        context: &mut Context,
        set: &mut SocketSet<'static>,
    ) -> Result<SocketId, Error> {
        if self.connections.len() + self.half_open.len() >= self.limits.max_sockets {
            return Err(Error::TooManySockets);
        }
        let local = self.free_port(set);
        let endpoint = IpEndpoint::from(remote);
        let mut socket = self.pool.take();
        socket
            .connect(context, endpoint, local)
            .map_err(|_| Error::BadAddress)?;
        // Until it is established, the time-out is that of the handshake.
        socket.set_timeout(Some(to_smoltcp(self.limits.handshake_timeout)));
        let handle = set.add(socket);
        Ok(self.insert(handle, Phase::Connecting))
    }

    /// Keeps the backlog of every listener full, while the budget of sockets lasts.
    pub(super) fn refill(&mut self, set: &mut SocketSet<'static>, counters: &mut Counters) {
        // Half-open ones give way to each other: a flood of them shuts no door.
        let full = self.connections.len() >= self.limits.max_sockets;
        if full && !self.full {
            counters.refused_full += 1;
            for handle in self.listeners.iter_mut().flat_map(|l| l.ready.drain(..)) {
                remove(&mut self.pool, set, handle);
            }
        }
        self.full = full;
        if full {
            return;
        }
        for index in 0..self.listeners.len() {
            while self.listeners[index].ready.len() < self.limits.backlog {
                let mut socket = self.pool.take();
                // Port 0 was refused in `listen`, and the socket is fresh: nothing else can fail.
                if socket.listen(self.listeners[index].port).is_err() {
                    break;
                }
                let handle = self.add_last(set, socket);
                self.listeners[index].ready.push(handle);
            }
        }
    }

    /// Adds a listening socket behind all that have a remote end. smoltcp gives a frame to the
    /// first socket in its set that takes it. A listening socket in front would take a repeated SYN
    /// of an existing connection and answer it with a handshake of its own, which ends in a reset
    /// of that connection.
    fn add_last(
        &mut self,
        set: &mut SocketSet<'static>,
        socket: tcp::Socket<'static>,
    ) -> SocketHandle {
        let mut free = set.add(socket);
        let connections = self.connections.values_mut().map(|c| &mut c.handle);
        let half_open = self.half_open.iter_mut().map(|h| &mut h.handle);
        let mut behind: Vec<&mut SocketHandle> = connections
            .chain(half_open)
            .filter(|handle| **handle > free)
            .collect();
        behind.sort_unstable();
        while let Some(last) = behind.pop().filter(|last| **last > free) {
            let listening = set.remove(free);
            let moved = set.remove(*last);
            // A set fills its first gap.
            *last = add(set, moved);
            free = add(set, listening);
        }
        free
    }

    /// Moves listening sockets that got a SYN to the half-open ones; the oldest give way.
    pub(super) fn note_half_open(
        &mut self,
        now: Instant,
        set: &mut SocketSet<'static>,
        counters: &mut Counters,
    ) {
        for listener in &mut self.listeners {
            let port = listener.port;
            let half_open = &mut self.half_open;
            listener.ready.retain(|&handle| {
                let listening = set.get::<tcp::Socket<'_>>(handle).state() == tcp::State::Listen;
                if !listening {
                    half_open.push(HalfOpen {
                        handle,
                        port,
                        since: now,
                    });
                }
                listening
            });
        }
        while self.half_open.len() > self.limits.max_half_open {
            let oldest = self.half_open.remove(0);
            counters.half_open_evicted += 1;
            let until = now + self.limits.reset_patience;
            Self::drop_socket(&mut self.leaving, set, oldest.handle, until);
        }
    }

    pub(super) fn poll(
        &mut self,
        now: Instant,
        set: &mut SocketSet<'static>,
        counters: &mut Counters,
        out: &mut Vec<Event>,
    ) {
        self.note_half_open(now, set, counters);
        self.poll_half_open(now, set, counters, out);
        self.poll_connections(now, set, counters, out);
        let pool = &mut self.pool;
        self.leaving.retain(|&(handle, until)| {
            let owes_reset = set
                .get::<tcp::Socket<'_>>(handle)
                .remote_endpoint()
                .is_some();
            let stays = owes_reset && now < until;
            if !stays {
                remove(pool, set, handle);
            }
            stays
        });
        while self.leaving.len() > self.limits.max_half_open {
            remove(&mut self.pool, set, self.leaving.remove(0).0);
        }
    }

    fn poll_half_open(
        &mut self,
        now: Instant,
        set: &mut SocketSet<'static>,
        counters: &mut Counters,
        out: &mut Vec<Event>,
    ) {
        let mut index = 0;
        while index < self.half_open.len() {
            let HalfOpen {
                handle,
                port,
                since,
            } = self.half_open[index];
            let socket = set.get_mut::<tcp::Socket<'_>>(handle);
            match socket.state() {
                tcp::State::SynReceived if now < since + self.limits.handshake_timeout => {
                    index += 1;
                }
                // smoltcp puts a half-open socket that was reset back to listening.
                tcp::State::SynReceived | tcp::State::Listen | tcp::State::Closed => {
                    self.half_open.remove(index);
                    counters.half_open_expired += 1;
                    let until = now + self.limits.reset_patience;
                    Self::drop_socket(&mut self.leaving, set, handle, until);
                }
                _ => {
                    self.half_open.remove(index);
                    let Some(remote) = socket.remote_endpoint() else {
                        remove(&mut self.pool, set, handle);
                        continue;
                    };
                    let socket = self.insert(handle, Phase::Open { fin_told: false });
                    counters.accepted += 1;
                    let remote = to_socket_address(remote);
                    out.push(Event::Accepted {
                        socket,
                        port,
                        remote,
                    });
                }
            }
        }
    }

    fn poll_connections(
        &mut self,
        now: Instant,
        set: &mut SocketSet<'static>,
        counters: &mut Counters,
        out: &mut Vec<Event>,
    ) {
        let Sockets {
            connections,
            leaving,
            pool,
            limits,
            ..
        } = self;
        let gone = now + limits.reset_patience;
        connections.retain(|&id, connection| {
            let socket = set.get_mut::<tcp::Socket<'_>>(connection.handle);
            let state = socket.state();
            if connection.phase == Phase::Connecting && state != tcp::State::SynSent {
                if state == tcp::State::Closed {
                    // Refused, or nobody answered: nobody waits for a reset.
                    out.push(Event::Failed(id));
                    remove(pool, set, connection.handle);
                    return false;
                }
                socket.set_timeout(Some(to_smoltcp(limits.timeout)));
                connection.phase = Phase::Open { fin_told: false };
                counters.connected += 1;
                out.push(Event::Connected(id));
            }
            let socket = set.get_mut::<tcp::Socket<'_>>(connection.handle);
            if socket.can_recv() {
                out.push(Event::Readable(id));
            }
            if connection.wants_room && socket.can_send() {
                connection.wants_room = false;
                out.push(Event::Writable(id));
            }
            match &mut connection.phase {
                Phase::Connecting => true,
                Phase::Open { fin_told } => {
                    if state == tcp::State::Closed {
                        counters.reset += 1;
                        out.push(Event::Closed {
                            socket: id,
                            reset: true,
                        });
                        Self::drop_socket(leaving, set, connection.handle, gone);
                        return false;
                    }
                    let finished =
                        !*fin_told && state == tcp::State::CloseWait && !socket.can_recv();
                    if finished {
                        *fin_told = true;
                        out.push(Event::Finished(id));
                    }
                    true
                }
                Phase::Closing { until, aborted } => {
                    // After both FINs TIME-WAIT would hold the socket only to catch stray segments.
                    let over = matches!(state, tcp::State::Closed | tcp::State::TimeWait);
                    if !over && now < *until {
                        return true;
                    }
                    let reset = *aborted || !over;
                    counters.reset += u64::from(reset);
                    out.push(Event::Closed { socket: id, reset });
                    if over && state == tcp::State::TimeWait {
                        remove(pool, set, connection.handle);
                    } else {
                        Self::drop_socket(leaving, set, connection.handle, gone);
                    }
                    false
                }
            }
        });
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let half_open = self
            .half_open
            .iter()
            .map(|h| h.since + self.limits.handshake_timeout);
        let closing = self
            .connections
            .values()
            .filter_map(|connection| match connection.phase {
                Phase::Closing { until, .. } => Some(until),
                _ => None,
            });
        let leaving = self.leaving.iter().map(|(_, until)| *until);
        half_open.chain(closing).chain(leaving).min()
    }

    pub(super) fn remote(&self, set: &SocketSet<'static>, id: SocketId) -> Option<SocketAddr> {
        let handle = self.connections.get(&id)?.handle;
        set.get::<tcp::Socket<'_>>(handle)
            .remote_endpoint()
            .map(to_socket_address)
    }

    /// Whether there is a connection from our `port` to `remote`.
    pub(super) fn has_connection(
        &self,
        set: &SocketSet<'static>,
        port: u16,
        remote: SocketAddr,
    ) -> bool {
        self.connections.values().any(|connection| {
            let socket = set.get::<tcp::Socket<'_>>(connection.handle);
            let local = socket.local_endpoint();
            local.is_some_and(|local| local.port == port)
                && socket.remote_endpoint().map(to_socket_address) == Some(remote)
        })
    }

    pub(super) fn readable(&self, set: &SocketSet<'static>, id: SocketId) -> usize {
        self.connections
            .get(&id)
            .map_or(0, |c| set.get::<tcp::Socket<'_>>(c.handle).recv_queue())
    }

    pub(super) fn receive(
        &mut self,
        set: &mut SocketSet<'static>,
        id: SocketId,
        buffer: &mut [u8],
    ) -> usize {
        self.socket(set, id)
            .and_then(|socket| socket.recv_slice(buffer).ok())
            .unwrap_or(0)
    }

    pub(super) fn receive_with(
        &mut self,
        set: &mut SocketSet<'static>,
        id: SocketId,
        limit: usize,
        take: impl FnOnce(&mut [u8]),
    ) -> usize {
        let Some(socket) = self.socket(set, id) else {
            return 0;
        };
        let taken = socket.recv(|bytes| {
            let len = bytes.len().min(limit);
            if len > 0 {
                take(&mut bytes[..len]);
            }
            (len, len)
        });
        taken.unwrap_or(0)
    }

    pub(super) fn writable(&self, set: &SocketSet<'static>, id: SocketId) -> usize {
        self.connections.get(&id).map_or(0, |connection| {
            let socket = set.get::<tcp::Socket<'_>>(connection.handle);
            match socket.may_send() {
                true => socket.send_capacity() - socket.send_queue(),
                false => 0,
            }
        })
    }

    pub(super) fn send(
        &mut self,
        set: &mut SocketSet<'static>,
        id: SocketId,
        bytes: &[u8],
    ) -> usize {
        let Some(connection) = self.connections.get_mut(&id) else {
            return 0;
        };
        let socket = set.get_mut::<tcp::Socket<'_>>(connection.handle);
        let taken = socket.send_slice(bytes).unwrap_or(0);
        connection.wants_room = taken < bytes.len();
        taken
    }

    pub(super) fn send_with(
        &mut self,
        set: &mut SocketSet<'static>,
        id: SocketId,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> usize {
        let Some(connection) = self.connections.get_mut(&id) else {
            return 0;
        };
        let socket = set.get_mut::<tcp::Socket<'_>>(connection.handle);
        let taken = socket.send(|room| {
            let written = fill(room).min(room.len());
            (written, (written, written == room.len()))
        });
        let (written, filled) = taken.unwrap_or((0, false));
        connection.wants_room = filled;
        written
    }

    pub(super) fn close(&mut self, now: Instant, set: &mut SocketSet<'static>, id: SocketId) {
        let until = now + self.limits.linger;
        if let Some(connection) = self.connections.get_mut(&id)
            && !matches!(connection.phase, Phase::Closing { .. })
        {
            connection.phase = Phase::Closing {
                until,
                aborted: false,
            };
            set.get_mut::<tcp::Socket<'_>>(connection.handle).close();
        }
    }

    pub(super) fn abort(&mut self, now: Instant, set: &mut SocketSet<'static>, id: SocketId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.phase = Phase::Closing {
                until: now,
                aborted: true,
            };
            set.get_mut::<tcp::Socket<'_>>(connection.handle).abort();
        }
    }

    /// Resets everything that has an address of ours: the address is about to change.
    pub(super) fn abort_all(&mut self, set: &mut SocketSet<'static>) {
        for connection in self.connections.values() {
            set.get_mut::<tcp::Socket<'_>>(connection.handle).abort();
        }
        for half_open in self.half_open.drain(..) {
            remove(&mut self.pool, set, half_open.handle);
        }
    }

    fn socket<'s>(
        &self,
        set: &'s mut SocketSet<'static>,
        id: SocketId,
    ) -> Option<&'s mut tcp::Socket<'static>> {
        Some(set.get_mut(self.connections.get(&id)?.handle))
    }

    fn insert(&mut self, handle: SocketHandle, phase: Phase) -> SocketId {
        let id = SocketId(self.next_id);
        self.next_id += 1;
        self.connections.insert(
            id,
            Connection {
                handle,
                phase,
                wants_room: false,
            },
        );
        id
    }

    /// Resets a socket; it stays until the reset has left, or cannot be sent in time.
    fn drop_socket(
        leaving: &mut Vec<(SocketHandle, Instant)>,
        set: &mut SocketSet<'static>,
        handle: SocketHandle,
        until: Instant,
    ) {
        set.get_mut::<tcp::Socket<'_>>(handle).abort();
        leaving.push((handle, until));
    }

    /// The next ephemeral port that no connection uses. There are more ports than sockets.
    fn free_port(&mut self, set: &SocketSet<'static>) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = match port == *EPHEMERAL.end() {
                true => *EPHEMERAL.start(),
                false => port + 1,
            };
            let taken = self.connections.values().any(|connection| {
                let socket = set.get::<tcp::Socket<'_>>(connection.handle);
                socket
                    .local_endpoint()
                    .is_some_and(|local| local.port == port)
            });
            if !taken {
                return port;
            }
        }
    }
}

/// Puts a socket back into the set.
fn add(set: &mut SocketSet<'static>, socket: Socket<'static>) -> SocketHandle {
    match socket {
        Socket::Tcp(socket) => set.add(socket),
        Socket::Udp(socket) => set.add(socket),
        Socket::Dhcpv4(socket) => set.add(socket),
    }
}

/// Takes a socket out of the set; its buffers may serve the next connection.
fn remove(pool: &mut Pool, set: &mut SocketSet<'static>, handle: SocketHandle) {
    if let Socket::Tcp(socket) = set.remove(handle) {
        pool.give_back(socket);
    }
}

pub(super) fn to_socket_address(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(endpoint.addr.into(), endpoint.port)
}
