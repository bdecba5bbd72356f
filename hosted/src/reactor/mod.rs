//! The system's poll on one side, the edge's driver with a machine on the other, one thread between
//! them.

mod compute;
mod disk;
mod names;
mod sockets;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use basalt_edge::driver::Driver;
use basalt_edge::sockets::{Door, Event};
use basalt_net::swarm::Transport;
use basalt_node::compute::NoPause;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine};
use basalt_node::state::State;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::clock::Clocks;
use compute::Cores;
use disk::Disk;
pub use sockets::SystemSockets;

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

/// Connections accepted of one listener in a turn. Bounds the descriptors of those that the machine
/// has not seen yet.
const ACCEPTS: usize = 128;
/// When to try again to accept, if the system gave no descriptor.
const RETRY: Duration = Duration::from_millis(100);

/// The loop and its sockets.
pub struct Reactor<M> {
    /// The machine that is driven, with its connections.
    pub driver: Driver<M, SystemSockets>,
    clocks: Clocks,
    poll: Poll,
    listeners: HashMap<Token, (TcpListener, Door)>,
    /// Listeners where more may wait: the system tells that only once.
    waiting: Vec<Token>,
    /// Whether the system gave no descriptor when it was last asked.
    starved: bool,
    cores: Cores,
    /// If the machine has given its state away.
    disk: Option<Disk>,
    stop: Stop,
    events: Vec<Event<SystemSockets>>,
}

impl<M: Machine> Reactor<M> {
    /// A reactor without sockets.
    ///
    /// # Errors
    /// The system gives no poll.
    pub fn new(machine: M, clocks: Clocks) -> io::Result<Reactor<M>> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let registry = poll.registry().try_clone()?;
        let sockets = SystemSockets::new(registry, waker.clone(), WAKER.0 + 1);
        let mut driver = Driver::new(machine, sockets);
        driver.set_watch(move || clocks.now());
        Ok(Reactor {
            driver,
            clocks,
            poll,
            listeners: HashMap::new(),
            waiting: Vec::new(),
            starved: false,
            cores: Cores::new(waker.clone(), clocks),
            disk: None,
            stop: Stop {
                flag: Arc::new(AtomicBool::new(false)),
                waker,
            },
            events: Vec::new(),
        })
    }

    /// Gives the machine threads to run its jobs on.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start_cores(&mut self, count: usize) -> io::Result<()> {
        self.cores.start(count)
    }

    /// Runs the machine's disk jobs on a thread, with the state that it gave away.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start_disk(&mut self, state: State) -> io::Result<()> {
        self.disk = Some(Disk::start(state, self.stop.waker.clone())?);
        Ok(())
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
        self.driver.sockets.names.servers = servers;
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
        self.listen_for(address, Door::Peers(transport))
    }

    /// Serves the operator's pages at `address`; returns the address in force.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn listen_http(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        self.listen_for(address, Door::Pages)
    }

    fn listen_for(&mut self, address: SocketAddr, door: Door) -> io::Result<SocketAddr> {
        let mut listener = TcpListener::bind(address)?;
        let token = self.driver.sockets.token();
        self.poll
            .registry()
            .register(&mut listener, token, Interest::READABLE)?;
        let local = listener.local_addr()?;
        self.listeners.insert(token, (listener, door));
        Ok(local)
    }

    /// Applies effects that the machine gave outside the loop.
    pub fn perform(&mut self, effects: Vec<Effect>) {
        let clock = self.clock();
        self.driver.apply(clock, effects);
        self.hand_out_jobs();
    }

    /// Runs until stopped, or until `until` says so after a turn of the loop.
    ///
    /// # Errors
    /// The system's poll failed.
    pub fn run(&mut self, mut until: impl FnMut(&mut M) -> bool) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        // What was asked for before the loop began does not wait for the first event.
        let mut busy = true;
        while !self.stop.flag.load(Ordering::Relaxed) && !until(&mut self.driver.machine) {
            let timeout = match busy {
                true => Some(Duration::ZERO),
                false => self.timeout(),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                let token = event.token();
                match self.listeners.contains_key(&token) {
                    true if self.waiting.contains(&token) => {}
                    true => self.waiting.push(token),
                    false => self.driver.sockets.note(event, &mut self.events),
                }
            }
            self.starved = false;
            for token in std::mem::take(&mut self.waiting) {
                self.accept(token);
            }
            busy = self.turn() || (!self.waiting.is_empty() && !self.starved);
        }
        Ok(())
    }

    /// How long the loop may sleep.
    fn timeout(&self) -> Option<Duration> {
        let clock = self.clock();
        let retry = self.starved.then_some(RETRY);
        let due = self.driver.wake_at(clock).map(|at| at.since(clock.now));
        let wait = due.into_iter().chain(retry).min()?;
        // One more than the whole milliseconds that the poll would cut off.
        match wait.is_zero() {
            true => Some(wait),
            false => Some(wait + Duration::from_millis(1)),
        }
    }

    /// One turn: everything that can be moved, once. True when more can be moved at once.
    fn turn(&mut self) -> bool {
        for (lookup, found) in self.driver.sockets.names.take() {
            let found = found.map_err(Into::into);
            self.events.push(Event::Found(lookup, found));
        }
        let clock = self.clock();
        for done in self.cores.take() {
            self.driver.done(clock, done);
        }
        for done in self.disk.as_ref().map(Disk::take).unwrap_or_default() {
            self.driver.disk_done(clock, done);
        }
        for event in self.events.drain(..) {
            self.driver.event(clock, event);
        }
        let turn = self.driver.turn(clock);
        self.hand_out_jobs();
        turn.more
    }

    /// Gives jobs to the disk and to the threads of their cores; without threads of cores they run
    /// here.
    fn hand_out_jobs(&mut self) {
        while let Some(job) = self.driver.next_disk_job() {
            match &self.disk {
                Some(disk) => disk.submit(job),
                None => log::error!(target: "state", "{job:?} for no disk"),
            }
        }
        while let Some(job) = self.driver.next_job() {
            if let Some(job) = self.cores.submit(job.core(), job) {
                let done = job.run(Arc::new(NoPause));
                let clock = self.clock();
                self.driver.done(clock, done);
            }
        }
    }

    fn accept(&mut self, token: Token) {
        for _ in 0..ACCEPTS {
            let Some((listener, door)) = self.listeners.get(&token) else {
                return;
            };
            let (stream, remote) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It was gone before it was taken.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    log::warn!(target: "net", "cannot accept a connection: {error}");
                    self.starved = true;
                    break;
                }
            };
            let door = *door;
            match self.driver.sockets.add(stream, false) {
                Ok(socket) => {
                    self.events.push(Event::Accepted {
                        socket,
                        door,
                        remote,
                    });
                    // What came in together with the connection may not be told again.
                    self.events.push(Event::Readable(socket));
                }
                Err(error) => log::warn!(target: "net", "{remote} cannot be polled: {error}"),
            }
        }
        self.waiting.push(token);
    }
}
