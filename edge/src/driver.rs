//! Sockets on one side, a state machine on the other.
//!
//! No more is read from a socket than the machine has room for, and bytes to send are fetched only
//! when the socket takes them: back-pressure goes through from end to end.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use basalt_net::swarm::{ConnId, Input};
use basalt_net::time::Instant;
use basalt_node::compute::{Done, Job};
use basalt_node::disk::{DiskDone, DiskJob};
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine, Work};

use crate::dialer::{Dialer, Step};
use crate::links::{Links, Phase};
use crate::sockets::{Door, Event, Found, Reason, Received, Sent, Sockets};

/// Most bytes that one connection receives in a turn, so that a fast one does not hold up the
/// others.
pub const READ: usize = 256 << 10;
/// About as many bytes of one connection are sent in a turn: eleven records of a busy connection,
/// which fill three segments of 64 KiB, the largest that network cards and systems cut up by
/// themselves. Twelve would take a fourth segment for the last bytes.
pub const WRITE: usize = 11 * 16 * 1024;

/// About as many bytes are received in a turn by all connections together, and sent. Bounds how
/// long a turn takes, however many are busy: small frames cost twenty times what large ones do. Who
/// was left out comes first in the next turn.
pub const TURN: usize = 1 << 20;
/// The least that is a connection's part of that.
pub const LEAST: usize = 8 << 10;
/// Time after which no other connection receives in a turn, or sends, where there is a watch
/// ([`Driver::set_watch`]). Bounds the same for what costs more than its bytes do: handshakes,
/// questions.
pub const TIME: Duration = Duration::from_millis(10);

/// How long a closed connection may take to send the rest and to hear the other side's FIN. Against
/// readers that take nothing and would keep their sockets for ever.
pub const LINGER: Duration = Duration::from_secs(20);

/// Closed connections that may take this time; beyond it the oldest ends at once. Bounds the
/// sockets of those that the machine does not count any more.
pub const MAX_CLOSING: usize = 32;

/// What a turn came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Bytes went into a socket.
    pub sent: bool,
    /// There is more to do at once.
    pub more: bool,
}

/// A machine with its connections.
pub struct Driver<M, S: Sockets> {
    /// The machine that is driven.
    pub machine: M,
    /// Its sockets.
    pub sockets: S,
    dialer: Dialer<S>,
    links: Links<S>,
    effects: Vec<Effect>,
    jobs: VecDeque<Job>,
    disk_jobs: VecDeque<DiskJob>,
    /// Connections of this turn.
    turn: Vec<ConnId>,
    watch: Option<Watch>,
}

/// Tells what time it is while a turn goes on.
pub type Watch = Box<dyn Fn() -> Instant + Send>;

impl<M: Machine, S: Sockets> Driver<M, S> {
    /// A machine without connections.
    pub fn new(machine: M, sockets: S) -> Driver<M, S> {
        Driver {
            machine,
            sockets,
            dialer: Dialer::default(),
            links: Links::default(),
            effects: Vec::new(),
            jobs: VecDeque::new(),
            disk_jobs: VecDeque::new(),
            turn: Vec::new(),
            watch: None,
        }
    }

    /// Bounds turns by time also. Without a watch time stands still during a turn.
    pub fn set_watch(&mut self, watch: impl Fn() -> Instant + Send + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// Number of connections that have a socket.
    pub fn connections(&self) -> usize {
        self.links.len()
    }

    /// Applies effects that the machine gave outside of a turn.
    pub fn apply(&mut self, clock: Clock, effects: Vec<Effect>) {
        self.effects.extend(effects);
        self.apply_effects(clock);
    }

    /// Lets the machine do something, and applies what it asks for.
    pub fn with<R>(&mut self, clock: Clock, act: impl FnOnce(&mut M, &mut Vec<Effect>) -> R) -> R {
        let result = act(&mut self.machine, &mut self.effects);
        self.apply_effects(clock);
        result
    }

    /// The next job for a compute core ([`Job::core`]). An edge takes them all after each turn.
    pub fn next_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Takes back what came of a job.
    pub fn done(&mut self, clock: Clock, done: Done) {
        self.with(clock, |machine, out| machine.done(clock, done, out));
    }

    /// The next job for the disk, if the edge took the state. An edge takes them all after each
    /// turn, and runs them one after another in this order.
    pub fn next_disk_job(&mut self) -> Option<DiskJob> {
        self.disk_jobs.pop_front()
    }

    /// Takes back what came of a disk job.
    pub fn disk_done(&mut self, clock: Clock, done: DiskDone) {
        self.with(clock, |machine, out| machine.disk_done(clock, done, out));
    }

    /// Takes what happened to a socket or a lookup.
    pub fn event(&mut self, clock: Clock, event: Event<S>) {
        match event {
            Event::Accepted {
                socket,
                door,
                remote,
            } => self.accept(clock, socket, door, remote),
            Event::Connected(socket) => self.connected(clock, socket),
            Event::Failed(socket, reason) => {
                if let Some(conn) = self.links.conn(socket) {
                    self.links.remove(conn);
                    self.dial_on(clock, conn, reason);
                }
            }
            Event::Readable(socket) => self.wake(socket, true),
            Event::Writable(socket) => self.wake(socket, false),
            Event::Finished(socket) => {
                if let Some(conn) = self.links.conn(socket)
                    && self.is_open(conn)
                {
                    self.input(clock, Input::RemoteClosed { conn });
                }
            }
            Event::Closed(socket) => {
                if let Some(conn) = self.links.conn(socket) {
                    self.lost(clock, conn);
                }
            }
            Event::Found(lookup, result) => self.found(clock, lookup, result),
        }
        self.apply_effects(clock);
    }

    /// Moves everything that can be moved now, each connection's share once.
    pub fn turn(&mut self, clock: Clock) -> Turn {
        let mut turn = Turn::default();
        let mut conns = core::mem::take(&mut self.turn);
        let taken = self.watch.take();
        let watch = taken.as_deref();
        self.links.take_busy(&mut conns);
        let most = part(&conns, READ);
        let received = served(&conns, watch, |conn| self.receive(clock, conn, most));
        if self
            .machine
            .wake_at(clock)
            .is_some_and(|at| at <= clock.now)
        {
            self.input(clock, Input::Timer);
        }
        turn.more |= self.machine.work(clock, &mut self.effects);
        self.apply_effects(clock);
        // Those that have got something to send only now.
        self.links.take_busy(&mut conns);
        let most = part(&conns, WRITE);
        let sent = served(&conns, watch, |conn| {
            let moved = self.send(clock, conn, most);
            turn.sent |= moved > 0;
            moved
        });
        self.apply_effects(clock);
        self.expire(clock);
        // Whoever comes first in the next turn gets his part of both.
        let first = [received, sent].into_iter().flatten().min();
        conns.rotate_left(first.unwrap_or(0));
        for conn in conns.drain(..) {
            let Some(link) = self.links.get(conn) else {
                continue;
            };
            let room = match link.phase {
                Phase::Connecting => false,
                Phase::Open => self.machine.receive_capacity(conn) > 0,
                Phase::Closing | Phase::Draining => true,
            };
            turn.more |= link.can_send() || (link.readable && room);
            // Nothing tells when the machine has room again for what is not read yet: it is looked
            // at in each turn.
            if link.can_send() || link.readable {
                self.links.list(conn);
            }
        }
        self.turn = conns;
        self.watch = taken;
        turn
    }

    /// When the next turn is due if nothing happens before and there is nothing more to do at once.
    pub fn wake_at(&self, clock: Clock) -> Option<Instant> {
        let wakes = [
            self.machine.wake_at(clock),
            self.dialer.wake_at(),
            self.links.wake_at(),
        ];
        wakes.into_iter().flatten().min()
    }

    fn input(&mut self, clock: Clock, input: Input<'_>) {
        self.machine.handle(clock, input, &mut self.effects);
    }

    fn is_open(&self, conn: ConnId) -> bool {
        self.links.get(conn).is_some_and(|link| link.is_open())
    }

    fn wake(&mut self, socket: S::Socket, readable: bool) {
        if let Some(conn) = self.links.conn(socket) {
            self.links.wake(conn, |link| match readable {
                true => link.readable = true,
                false => link.full = false,
            });
        }
    }

    fn accept(&mut self, clock: Clock, socket: S::Socket, door: Door, remote: SocketAddr) {
        let accepted: Result<ConnId, Reason> = match door {
            Door::Peers(transport) => self
                .machine
                .accept(clock, transport, remote, &mut self.effects)
                .map_err(|refusal| refusal.to_string().into()),
            Door::Pages => self
                .machine
                .accept_http(clock, remote, &mut self.effects)
                .ok_or_else(|| "there are no pages here".into()),
        };
        match accepted {
            Ok(conn) => self.links.add(conn, socket, Phase::Open),
            Err(reason) => {
                log::debug!(target: "net", "connection from {remote} refused: {reason}");
                self.sockets.abort(clock.now, socket);
            }
        }
    }

    fn connected(&mut self, clock: Clock, socket: S::Socket) {
        let Some(conn) = self.links.conn(socket) else {
            return;
        };
        let Some(remote) = self.sockets.remote(socket) else {
            // It is gone again: its end is the next event.
            return;
        };
        self.dialer.forget(conn);
        self.links.wake(conn, |link| link.phase = Phase::Open);
        self.input(clock, Input::Dialed { conn, remote });
    }

    fn found(&mut self, clock: Clock, lookup: S::Lookup, result: Result<Found, Reason>) {
        let found = self
            .dialer
            .found(clock.now, &mut self.sockets, lookup, result);
        if let Some((conn, step)) = found {
            self.step(clock, conn, step);
        }
    }

    /// Tries the next way to a connection's endpoint, since the last one failed.
    fn dial_on(&mut self, clock: Clock, conn: ConnId, reason: Reason) {
        let step = self
            .dialer
            .go_on(clock.now, &mut self.sockets, conn, reason);
        self.step(clock, conn, step);
    }

    fn step(&mut self, clock: Clock, conn: ConnId, step: Step<S::Socket>) {
        match step {
            Step::Connecting(socket) => self.links.add(conn, socket, Phase::Connecting),
            Step::LookingUp => {}
            Step::Texts(texts) => {
                let texts = &texts[..];
                self.input(clock, Input::LookedUp { conn, texts });
            }
            Step::Failed(reason) => {
                let reason = &reason[..];
                self.input(clock, Input::DialFailed { conn, reason });
            }
        }
    }

    /// Does what the machine asks for.
    fn apply_effects(&mut self, clock: Clock) {
        while !self.effects.is_empty() {
            for effect in core::mem::take(&mut self.effects) {
                self.apply_effect(clock, effect);
            }
        }
    }

    fn apply_effect(&mut self, clock: Clock, effect: Effect) {
        match effect {
            Effect::Dial { conn, endpoint } => {
                let step = self
                    .dialer
                    .dial(clock.now, &mut self.sockets, conn, &endpoint);
                self.step(clock, conn, step);
            }
            Effect::LookUp { conn, name } => {
                let step = self
                    .dialer
                    .look_up(clock.now, &mut self.sockets, conn, &name);
                self.step(clock, conn, step);
            }
            Effect::Output { conn } => self.links.wake(conn, |link| link.has_output = true),
            Effect::Close { conn } => match self.links.get(conn).map(|link| link.phase) {
                Some(Phase::Open) => {
                    self.links.close(conn, clock.now + LINGER);
                    if let Some(oldest) = self.links.surplus(MAX_CLOSING) {
                        self.abort(clock, oldest);
                    }
                }
                // Nothing was sent yet: there is nothing to end in good order.
                Some(Phase::Connecting) | None => self.abort(clock, conn),
                Some(Phase::Closing | Phase::Draining) => {}
            },
            Effect::Abort { conn } => self.abort(clock, conn),
            Effect::Other(Work::Compute { job, .. }) => self.jobs.push_back(job),
            Effect::Other(Work::Disk { job }) => self.disk_jobs.push_back(job),
        }
    }

    fn abort(&mut self, clock: Clock, conn: ConnId) {
        self.dialer.forget(conn);
        if let Some(link) = self.links.remove(conn) {
            self.sockets.abort(clock.now, link.socket);
        }
    }

    /// A connection is gone: the machine is told, unless it has closed it itself.
    fn lost(&mut self, clock: Clock, conn: ConnId) {
        self.dialer.forget(conn);
        if let Some(link) = self.links.remove(conn)
            && link.is_open()
        {
            self.input(clock, Input::Lost { conn });
        }
    }

    /// Hands received bytes to the machine, as many as it takes and `most` at most; gives how many.
    fn receive(&mut self, clock: Clock, conn: ConnId, most: usize) -> usize {
        let mut taken = 0;
        while taken < most {
            let Some(link) = self.links.get(conn).filter(|link| link.readable) else {
                break;
            };
            let (socket, phase) = (link.socket, link.phase);
            let limit = match phase {
                Phase::Connecting => 0,
                Phase::Open => self.machine.receive_capacity(conn).min(most - taken),
                Phase::Closing | Phase::Draining => most - taken,
            };
            if limit == 0 {
                break;
            }
            let (machine, effects) = (&mut self.machine, &mut self.effects);
            let received = self.sockets.receive(socket, limit, |bytes| {
                if phase == Phase::Open {
                    machine.handle(clock, Input::Received { conn, bytes }, effects);
                }
            });
            if let Received::Bytes(len) = received {
                taken += len;
                continue;
            }
            if let Some(link) = self.links.get_mut(conn) {
                link.readable = false;
            }
            match (received, phase) {
                (Received::End, Phase::Open) => self.input(clock, Input::RemoteClosed { conn }),
                // Both sides have said all they had to say.
                (Received::End, Phase::Draining) => self.abort(clock, conn),
                (Received::Broken, _) => {
                    self.sockets.abort(clock.now, socket);
                    self.lost(clock, conn);
                }
                _ => {}
            }
        }
        self.apply_effects(clock);
        taken
    }

    /// Moves what the machine has to send into the socket, until it is `most` or more; gives how
    /// much that was.
    fn send(&mut self, clock: Clock, conn: ConnId, most: usize) -> usize {
        let mut moved = 0;
        while moved < most {
            let Some(link) = self.links.get_mut(conn).filter(|link| link.can_send()) else {
                break;
            };
            let machine = &mut self.machine;
            let sent = self
                .sockets
                .send(link.socket, |room| machine.transmit(conn, room));
            match sent {
                Sent::Bytes(len) => moved += len,
                Sent::Full => link.full = true,
                Sent::Nothing => {
                    link.has_output = false;
                    if link.phase == Phase::Closing {
                        link.phase = Phase::Draining;
                        link.readable = true;
                        self.sockets.shut(clock.now, link.socket);
                    }
                }
                Sent::Broken => {
                    self.sockets.abort(clock.now, link.socket);
                    self.lost(clock, conn);
                }
            }
        }
        moved
    }

    /// Gives up addresses that are silent while there are others, and closed connections that do
    /// not end.
    fn expire(&mut self, clock: Clock) {
        while let Some(conn) = self.dialer.silent(clock.now) {
            if let Some(link) = self.links.remove(conn) {
                self.sockets.abort(clock.now, link.socket);
            }
            self.dial_on(clock, conn, "nobody answers".into());
        }
        while let Some(conn) = self.links.overdue(clock.now) {
            self.abort(clock, conn);
        }
        self.apply_effects(clock);
    }
}

/// What each connection may move in a turn, `most` at most.
fn part(conns: &[ConnId], most: usize) -> usize {
    (TURN / conns.len().max(1)).clamp(LEAST, most)
}

/// Lets one connection after the other move bytes until the turn's bytes or time are used up; gives
/// how many had their part, unless all had.
fn served(
    conns: &[ConnId],
    watch: Option<&(dyn Fn() -> Instant + Send)>,
    mut moved: impl FnMut(ConnId) -> usize,
) -> Option<usize> {
    let begin = watch.map(|now| now());
    let mut left = TURN;
    for (before, &conn) in conns.iter().enumerate() {
        let late = || {
            watch
                .zip(begin)
                .is_some_and(|(now, begin)| now().since(begin) >= TIME)
        };
        if left == 0 || (before > 0 && late()) {
            return Some(before);
        }
        left = left.saturating_sub(moved(conn));
    }
    None
}
