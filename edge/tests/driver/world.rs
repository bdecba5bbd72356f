//! Sockets that a test moves by hand, and a machine that takes notes.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use basalt_edge::driver::{Driver, Turn};
use basalt_edge::sockets::{Door, Event, Found, Question, Reason, Received, Sent, Sockets};
use basalt_net::multiaddr::HostName;
use basalt_net::swarm::{ConnId, Input, Refusal, Transport};
use basalt_net::time::Instant;
use basalt_node::host::Clock;
use basalt_node::machine::{Effect, Machine};

/// One end of a connection whose other end the test is.
#[derive(Default)]
pub(crate) struct Pipe {
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) inbox: VecDeque<u8>,
    /// The other side has sent its FIN.
    pub(crate) ended: bool,
    pub(crate) outbox: Vec<u8>,
    /// Bytes that may still be sent.
    pub(crate) room: usize,
    /// We have sent our FIN.
    pub(crate) shut: bool,
}

/// Sockets in memory, which count how often they are asked for something.
#[derive(Default)]
pub(crate) struct Pipes {
    pub(crate) pipes: BTreeMap<u32, Pipe>,
    pub(crate) dialed: Vec<SocketAddr>,
    pub(crate) asked: Vec<(String, Question)>,
    /// Addresses where a connection cannot even be tried.
    pub(crate) unreachable: Vec<SocketAddr>,
    pub(crate) calls: usize,
    next: u32,
}

impl Pipes {
    pub(crate) fn open(&mut self, remote: SocketAddr) -> u32 {
        self.next += 1;
        let pipe = Pipe {
            remote: Some(remote),
            room: usize::MAX,
            ..Pipe::default()
        };
        self.pipes.insert(self.next, pipe);
        self.next
    }
}

impl Sockets for Pipes {
    type Socket = u32;
    type Lookup = usize;

    fn connect(&mut self, remote: SocketAddr) -> Result<u32, Reason> {
        self.dialed.push(remote);
        match self.unreachable.contains(&remote) {
            true => Err("unreachable".into()),
            false => Ok(self.open(remote)),
        }
    }

    fn questions(&self, host: &HostName) -> Result<&'static [Question], Reason> {
        match host {
            HostName::Dns(_) => Ok(&[Question::V4, Question::V6]),
            HostName::Dns4(_) => Ok(&[Question::V4]),
            _ => Err("no such family here".into()),
        }
    }

    fn look_up(&mut self, name: &str, question: Question) -> Result<usize, Reason> {
        self.asked.push((name.into(), question));
        Ok(self.asked.len())
    }

    fn remote(&self, socket: u32) -> Option<SocketAddr> {
        self.pipes.get(&socket)?.remote
    }

    fn receive(&mut self, socket: u32, limit: usize, take: impl FnOnce(&mut [u8])) -> Received {
        self.calls += 1;
        let Some(pipe) = self.pipes.get_mut(&socket) else {
            return Received::Broken;
        };
        let len = pipe.inbox.len().min(limit);
        if len == 0 {
            return match pipe.ended {
                true => Received::End,
                false => Received::Nothing,
            };
        }
        take(&mut pipe.inbox.drain(..len).collect::<Vec<_>>());
        Received::Bytes(len)
    }

    fn send(&mut self, socket: u32, fill: impl FnOnce(&mut [u8]) -> usize) -> Sent {
        self.calls += 1;
        let Some(pipe) = self.pipes.get_mut(&socket) else {
            return Sent::Broken;
        };
        let mut buffer = vec![0; pipe.room.min(1000)];
        if buffer.is_empty() {
            return Sent::Full;
        }
        let len = fill(&mut buffer);
        pipe.outbox.extend(&buffer[..len]);
        pipe.room -= len;
        match len {
            0 => Sent::Nothing,
            len => Sent::Bytes(len),
        }
    }

    fn shut(&mut self, _: Instant, socket: u32) {
        self.pipes.get_mut(&socket).unwrap().shut = true;
    }

    fn abort(&mut self, _: Instant, socket: u32) {
        self.pipes.remove(&socket);
    }
}

/// What a machine was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Dialed(SocketAddr),
    DialFailed(String),
    LookedUp(Vec<Vec<u8>>),
    RemoteClosed(ConnId),
    Lost(ConnId),
}

/// Takes notes; reads and says as much as the test lets it.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) notes: Vec<Note>,
    pub(crate) received: BTreeMap<ConnId, Vec<u8>>,
    pub(crate) to_send: BTreeMap<ConnId, Vec<u8>>,
    pub(crate) capacity: usize,
    pub(crate) accepted: u64,
}

impl Machine for Notes {
    fn accept(
        &mut self,
        _: Clock,
        _: Transport,
        _: SocketAddr,
        _: &mut Vec<Effect>,
    ) -> Result<ConnId, Refusal> {
        self.accepted += 1;
        Ok(conn(self.accepted))
    }

    fn handle(&mut self, _: Clock, input: Input<'_>, _: &mut Vec<Effect>) {
        self.notes.push(match input {
            Input::Dialed { remote, .. } => Note::Dialed(remote),
            Input::DialFailed { reason, .. } => Note::DialFailed(reason.into()),
            Input::LookedUp { texts, .. } => Note::LookedUp(texts.to_vec()),
            Input::Received { conn, bytes } => {
                self.capacity -= bytes.len();
                self.received.entry(conn).or_default().extend(&*bytes);
                return;
            }
            Input::RemoteClosed { conn } => Note::RemoteClosed(conn),
            Input::Lost { conn } => Note::Lost(conn),
            Input::Timer => return,
        });
    }

    fn work(&mut self, _: Clock, _: &mut Vec<Effect>) -> bool {
        false
    }

    fn wake_at(&self, _: Clock) -> Option<Instant> {
        None
    }

    fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        let Some(bytes) = self.to_send.get_mut(&conn) else {
            return 0;
        };
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes.drain(..len).collect::<Vec<_>>());
        len
    }

    fn has_output(&mut self, conn: ConnId) -> bool {
        self.to_send
            .get(&conn)
            .is_some_and(|bytes| !bytes.is_empty())
    }

    fn receive_capacity(&mut self, _: ConnId) -> usize {
        self.capacity
    }
}

pub(crate) fn conn(number: u64) -> ConnId {
    ConnId::beside_swarm(number)
}

/// A driver on virtual time.
pub(crate) struct World {
    pub(crate) driver: Driver<Notes, Pipes>,
    pub(crate) now: Instant,
}

impl World {
    pub(crate) fn new() -> World {
        let machine = Notes {
            capacity: usize::MAX / 2,
            ..Notes::default()
        };
        World {
            driver: Driver::new(machine, Pipes::default()),
            now: Instant::from_millis(1),
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock {
            now: self.now,
            wall_ms: 0,
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    pub(crate) fn event(&mut self, event: Event<Pipes>) {
        self.driver.event(self.clock(), event);
    }

    pub(crate) fn apply(&mut self, effect: Effect) {
        self.driver.apply(self.clock(), vec![effect]);
    }

    pub(crate) fn turn(&mut self) -> Turn {
        self.driver.turn(self.clock())
    }

    /// Turns until nothing moves any more.
    pub(crate) fn quiet(&mut self) {
        while self.turn() != Turn::default() {}
    }

    pub(crate) fn pipe(&mut self, socket: u32) -> &mut Pipe {
        self.driver.sockets.pipes.get_mut(&socket).unwrap()
    }

    /// A peer connects.
    pub(crate) fn accept(&mut self) -> (ConnId, u32) {
        let remote = SocketAddr::from(([192, 0, 2, 7], 4001));
        let socket = self.driver.sockets.open(remote);
        self.event(Event::Accepted {
            socket,
            door: Door::Peers(Transport::Tcp),
            remote,
        });
        (conn(self.driver.machine.accepted), socket)
    }

    /// Bytes come in.
    pub(crate) fn arrive(&mut self, socket: u32, bytes: &[u8]) {
        self.pipe(socket).inbox.extend(bytes);
        self.event(Event::Readable(socket));
    }

    /// The machine has bytes to send.
    pub(crate) fn say(&mut self, conn: ConnId, bytes: &[u8]) {
        self.driver
            .machine
            .to_send
            .entry(conn)
            .or_default()
            .extend(bytes);
        self.apply(Effect::Output { conn });
    }

    /// The last lookup has ended.
    pub(crate) fn found(&mut self, result: Result<Found, Reason>) {
        let lookup = self.driver.sockets.asked.len();
        self.event(Event::Found(lookup, result));
    }

    pub(crate) fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.driver.machine.notes)
    }
}
