//! Non-blocking sockets on one side, a state machine on the other, one thread between them.
//!
//! The reactor reads no more from a socket than the machine has room for, and fetches bytes to send only
//! when the socket takes them: back-pressure goes through from end to end.

mod compute;
mod names;
mod socket;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use basalt_net::multiaddr::Host;
use basalt_net::swarm::{ConnId, Input, Transport};
use basalt_net::time::Instant;
use basalt_node::compute::Job;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine, Work};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::clock::Clocks;
use compute::Cores;
use names::{Found, Names};
use socket::{Progress, Socket};

/// Ends a reactor's loop from another thread.
#[derive(Clone)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stop {
    /// Ends the loop soon.
    pub fn stop(&self) {
        self.flag.store(true, Ordering::Relaxed);
        // If the loop cannot be woken it is on its way already.
        let _ = self.waker.wake();
    }
}

const WAKER: Token = Token(0);

/// Largest piece read at once, in bytes.
const READ: usize = 256 * 1024;
/// About as many bytes are written at once: eleven records of a busy connection, which fill three of the largest
/// segments (of 64 KiB) that the system makes of them, where twelve would take a fourth for its last bytes.
const WRITE: usize = 11 * 16 * 1024;

/// Time that an address of a name has to answer while there are others to try.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ways to a host that is being dialed.
struct Ways {
    /// Addresses that were not tried yet, the first last.
    addresses: Vec<SocketAddr>,
    /// Until when the one that is being tried may be silent.
    until: Instant,
}

impl Ways {
    /// When the next address is due; not when there is none.
    fn wake_at(&self) -> Option<Instant> {
        (!self.addresses.is_empty()).then_some(self.until)
    }
}

/// The loop and its sockets.
pub struct Reactor<M> {
    /// The machine that is driven.
    pub machine: M,
    clocks: Clocks,
    poll: Poll,
    /// Listeners; without transport: of the operator's pages.
    listeners: HashMap<Token, (TcpListener, Option<Transport>)>,
    sockets: HashMap<ConnId, Socket>,
    /// Sockets with something to do, each once: a turn costs nothing for those that are idle.
    active: Vec<ConnId>,
    /// Sockets that are closing.
    closing: Vec<ConnId>,
    conns: HashMap<Token, ConnId>,
    names: Names,
    /// Addresses of connections that are being made which were not tried yet, the best last.
    ways: HashMap<ConnId, Ways>,
    cores: Cores,
    next_token: usize,
    stop: Stop,
    effects: Vec<Effect>,
    buffer: Vec<u8>,
}

impl<M: Machine> Reactor<M> {
    /// A reactor without sockets.
    ///
    /// # Errors
    /// The system gives no poll.
    pub fn new(machine: M, clocks: Clocks) -> io::Result<Reactor<M>> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Reactor {
            machine,
            clocks,
            poll,
            listeners: HashMap::new(),
            sockets: HashMap::new(),
            active: Vec::new(),
            closing: Vec::new(),
            conns: HashMap::new(),
            names: Names::new(waker.clone()),
            ways: HashMap::new(),
            cores: Cores::new(waker.clone()),
            next_token: 1,
            stop: Stop {
                flag: Arc::new(AtomicBool::new(false)),
                waker,
            },
            effects: Vec::new(),
            buffer: vec![0; READ],
        })
    }

    /// Gives the machine threads to run its jobs on.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start_cores(&mut self, count: usize) -> io::Result<()> {
        self.cores.start(count)
    }

    /// What wakes the loop from another thread.
    pub fn waker(&self) -> Arc<Waker> {
        self.stop.waker.clone()
    }

    /// Ends [`Reactor::run`] from another thread.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Asks these name servers for TXT records, instead of those that the system is set up with.
    pub fn set_name_servers(&mut self, servers: Vec<SocketAddr>) {
        self.names.servers = servers;
    }

    /// Time as the machine sees it.
    pub fn clock(&self) -> Clock {
        self.clocks.read()
    }

    /// Accepts connections at `address`; returns the address in force (port 0 is chosen).
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn listen(&mut self, address: SocketAddr, transport: Transport) -> io::Result<SocketAddr> {
        self.listen_for(address, Some(transport))
    }

    /// Serves the operator's pages at `address`; returns the address in force.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn listen_http(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        self.listen_for(address, None)
    }

    fn listen_for(
        &mut self,
        address: SocketAddr,
        transport: Option<Transport>,
    ) -> io::Result<SocketAddr> {
        let mut listener = TcpListener::bind(address)?;
        let token = self.token();
        self.poll
            .registry()
            .register(&mut listener, token, Interest::READABLE)?;
        let local = listener.local_addr()?;
        self.listeners.insert(token, (listener, transport));
        Ok(local)
    }

    /// Runs effects that the machine gave outside the loop.
    pub fn perform(&mut self, effects: Vec<Effect>) {
        self.effects.extend(effects);
        self.settle();
    }

    /// Runs until stopped, or until `until` says so after a turn of the loop.
    ///
    /// # Errors
    /// The system's poll failed.
    pub fn run(&mut self, mut until: impl FnMut(&mut M) -> bool) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        // What was asked for before the loop began does not wait for the first event.
        let mut busy = !self.active.is_empty();
        while !self.stop.flag.load(Ordering::Relaxed) && !until(&mut self.machine) {
            let timeout = match busy {
                true => Some(Duration::ZERO),
                false => self.patience(),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                self.note(event);
            }
            busy = self.turn();
        }
        Ok(())
    }

    /// How long the loop may sleep.
    fn patience(&self) -> Option<Duration> {
        let clock = self.clock();
        let machine = self.machine.wake_at(clock);
        let closing = self
            .closing
            .iter()
            .filter_map(|conn| self.sockets.get(conn));
        let closing = closing.filter_map(Socket::deadline);
        let dials = self.ways.values().filter_map(Ways::wake_at);
        let wakes = machine.into_iter().chain(closing).chain(dials);
        wakes.min().map(|at| {
            // One more than the whole milliseconds that the poll would cut off.
            let wait = at.since(clock.now);
            if wait.is_zero() {
                wait
            } else {
                wait + Duration::from_millis(1)
            }
        })
    }

    fn token(&mut self) -> Token {
        let token = Token(self.next_token);
        self.next_token += 1;
        token
    }

    fn note(&mut self, event: &mio::event::Event) {
        let token = event.token();
        if self.listeners.contains_key(&token) {
            self.accept(token);
        } else if let Some(&conn) = self.conns.get(&token)
            && let Some(socket) = self.sockets.get_mut(&conn)
        {
            socket.ended |= event.is_read_closed();
            socket.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            socket.writable |= event.is_writable() || event.is_error();
            self.activate(conn);
        }
    }

    /// Puts a socket among those with something to do.
    fn activate(&mut self, conn: ConnId) {
        if let Some(socket) = self.sockets.get_mut(&conn)
            && !socket.active
        {
            socket.active = true;
            self.active.push(conn);
        }
    }

    /// One turn: everything that can be moved, once. True when more can be moved at once.
    fn turn(&mut self) -> bool {
        for (conn, resolved) in self.names.take() {
            self.on_resolved(conn, resolved);
        }
        for done in self.cores.take() {
            let clock = self.clock();
            self.machine.done(clock, done, &mut self.effects);
            self.settle();
        }
        // Those that become active from here on are served from here on.
        let mut conns = std::mem::take(&mut self.active);
        for &conn in &conns {
            self.connect(conn);
            self.receive(conn);
        }
        let clock = self.clock();
        if self
            .machine
            .wake_at(clock)
            .is_some_and(|at| at <= clock.now)
        {
            self.machine.handle(clock, Input::Timer, &mut self.effects);
        }
        let mut more = self.machine.work(clock, &mut self.effects);
        self.settle();
        conns.append(&mut self.active);
        for &conn in &conns {
            self.send(conn);
        }
        self.settle();
        self.reap();
        for conn in conns {
            let Some(socket) = self.sockets.get_mut(&conn) else {
                continue;
            };
            let can_read =
                socket.readable && (!socket.is_open() || self.machine.receive_capacity(conn) > 0);
            let busy = can_read || socket.wants_to_send();
            more |= busy;
            // What is not to be read yet is looked at again in each turn.
            socket.active = busy || socket.readable;
            if socket.active {
                self.active.push(conn);
            }
        }
        more
    }

    fn accept(&mut self, token: Token) {
        while let Some((listener, transport)) = self.listeners.get(&token) {
            let (stream, remote) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    log::warn!(target: "net", "cannot accept a connection: {error}");
                    return;
                }
            };
            let transport = *transport;
            let clock = self.clock();
            let accepted = match transport {
                Some(transport) => self
                    .machine
                    .accept(clock, transport, remote, &mut self.effects)
                    .map_err(|reason| reason.to_string()),
                None => self
                    .machine
                    .accept_http(clock)
                    .ok_or_else(|| "too many read the pages".into()),
            };
            match accepted {
                Ok(conn) => self.add(conn, stream, false),
                Err(reason) => {
                    log::debug!(target: "net", "connection from {remote} refused: {reason}");
                }
            }
            self.settle();
        }
    }

    fn add(&mut self, conn: ConnId, mut stream: TcpStream, connecting: bool) {
        let token = self.token();
        let both = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut stream, token, both) {
            log::warn!(target: "net", "{conn}: cannot be polled: {error}");
            let clock = self.clock();
            self.machine
                .handle(clock, Input::Lost { conn }, &mut self.effects);
            return;
        }
        // Frames are written whole: waiting for more would only add latency.
        let _ = stream.set_nodelay(true);
        self.conns.insert(token, conn);
        self.sockets
            .insert(conn, Socket::new(stream, token, connecting));
        self.activate(conn);
    }

    fn settle(&mut self) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                match effect {
                    Effect::Dial { conn, endpoint } => match endpoint.host {
                        Host::Ip(ip) => self.dial(conn, SocketAddr::new(ip, endpoint.port)),
                        _ => self.names.resolve(conn, endpoint),
                    },
                    Effect::LookUp { conn, name } => self.names.look_up(conn, name),
                    Effect::Output { conn } => {
                        if let Some(socket) = self.sockets.get_mut(&conn) {
                            socket.has_output = true;
                        }
                        self.activate(conn);
                    }
                    Effect::Close { conn } => {
                        let now = self.clocks.now();
                        if let Some(socket) = self.sockets.get_mut(&conn) {
                            socket.close(now);
                            self.closing.push(conn);
                        }
                        self.activate(conn);
                    }
                    Effect::Abort { conn } => self.forget(conn),
                    Effect::Other(Work::Compute { core, job }) => self.compute(core, job),
                    // The peer has kept its state and runs these itself.
                    Effect::Other(Work::Disk { job }) => {
                        log::error!(target: "state", "{job:?} for no disk")
                    }
                }
            }
        }
    }

    /// Runs a job on the thread of its core, or here when there are none.
    fn compute(&mut self, core: usize, job: Job) {
        if let Some(job) = self.cores.submit(core, job) {
            let done = job.run();
            let clock = self.clock();
            self.machine.done(clock, done, &mut self.effects);
        }
    }

    fn on_resolved(&mut self, conn: ConnId, resolved: Result<Found, String>) {
        match resolved {
            Ok(Found::Addresses(mut addresses)) => {
                addresses.reverse();
                let until = self.clocks.now();
                self.ways.insert(conn, Ways { addresses, until });
                self.dial_next(conn, "the name has no address");
            }
            Ok(Found::Texts(texts)) => {
                let (clock, texts) = (self.clock(), &texts[..]);
                self.machine
                    .handle(clock, Input::LookedUp { conn, texts }, &mut self.effects);
            }
            Err(reason) => self.dial_failed(conn, &reason),
        }
        self.settle();
    }

    fn dial(&mut self, conn: ConnId, address: SocketAddr) {
        match TcpStream::connect(address) {
            Ok(stream) => self.add(conn, stream, true),
            Err(error) => self.dial_next(conn, &error.to_string()),
        }
    }

    /// Tries the next address of a connection; if there is none, the last one's `reason` is told.
    fn dial_next(&mut self, conn: ConnId, reason: &str) {
        let now = self.clocks.now();
        let next = self.ways.get_mut(&conn).and_then(|ways| {
            ways.until = now + PATIENCE;
            ways.addresses.pop()
        });
        match next {
            Some(address) => self.dial(conn, address),
            None => {
                self.ways.remove(&conn);
                self.dial_failed(conn, reason);
            }
        }
    }

    fn dial_failed(&mut self, conn: ConnId, reason: &str) {
        let clock = self.clock();
        self.machine
            .handle(clock, Input::DialFailed { conn, reason }, &mut self.effects);
    }

    /// Looks whether a connection that is being made is there.
    fn connect(&mut self, conn: ConnId) {
        let Some(socket) = self.sockets.get_mut(&conn) else {
            return;
        };
        match socket.connected() {
            None => {}
            Some(Ok(remote)) => {
                self.ways.remove(&conn);
                let clock = self.clock();
                self.machine
                    .handle(clock, Input::Dialed { conn, remote }, &mut self.effects);
            }
            Some(Err(error)) => {
                self.remove(conn);
                self.dial_next(conn, &error.to_string());
            }
        }
        self.settle();
    }

    /// Reads one piece from a connection.
    fn receive(&mut self, conn: ConnId) {
        let Some(socket) = self.sockets.get_mut(&conn).filter(|socket| socket.readable) else {
            return;
        };
        let room = match socket.is_open() {
            true => self.machine.receive_capacity(conn).min(READ),
            // What a closed connection still gets is read to be forgotten.
            false => READ,
        };
        if room == 0 {
            return;
        }
        let open = socket.is_open();
        let progress = socket.read(&mut self.buffer[..room]);
        let clock = self.clock();
        if matches!(progress, Progress::Broken) {
            self.forget(conn);
        }
        let input = match progress {
            Progress::Moved(len) => Input::Received {
                conn,
                bytes: &mut self.buffer[..len],
            },
            Progress::Blocked => return,
            Progress::End => Input::RemoteClosed { conn },
            Progress::Broken => Input::Lost { conn },
        };
        if open {
            self.machine.handle(clock, input, &mut self.effects);
        }
        self.settle();
    }

    /// Writes one piece to a connection.
    fn send(&mut self, conn: ConnId) {
        let Some(socket) = self.sockets.get_mut(&conn) else {
            return;
        };
        if !socket.wants_to_send() {
            return;
        }
        let machine = &mut self.machine;
        let fetch = |buffer: &mut [u8]| machine.transmit(conn, buffer);
        if let Progress::Broken = socket.write(&mut self.buffer, fetch) {
            let open = socket.is_open();
            self.forget(conn);
            if open {
                let clock = self.clock();
                self.machine
                    .handle(clock, Input::Lost { conn }, &mut self.effects);
            }
        }
    }

    /// Forgets closed connections that have said all they had to say, and addresses where nobody answers.
    fn reap(&mut self) {
        let now = self.clocks.now();
        let silent = |ways: &Ways| ways.wake_at().is_some_and(|at| at <= now);
        let dials = self.ways.iter().filter(|(_, ways)| silent(ways));
        for conn in dials.map(|(&conn, _)| conn).collect::<Vec<_>>() {
            self.remove(conn);
            self.dial_next(conn, "nobody answers");
            self.settle();
        }
        for conn in std::mem::take(&mut self.closing) {
            match self.sockets.get(&conn) {
                Some(socket) if socket.is_over(now) => self.forget(conn),
                Some(_) => self.closing.push(conn),
                None => {}
            }
        }
    }

    fn forget(&mut self, conn: ConnId) {
        self.names.forget(conn);
        self.ways.remove(&conn);
        self.remove(conn);
    }

    fn remove(&mut self, conn: ConnId) {
        // That closes the socket, which ends its registration too.
        if let Some(socket) = self.sockets.remove(&conn) {
            self.conns.remove(&socket.token);
        }
    }
}
