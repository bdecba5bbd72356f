//! Which socket carries which connection of the machine, and which of them have something to do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use basalt_net::swarm::ConnId;
use basalt_net::time::Instant;

use crate::sockets::Sockets;

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being opened.
    Connecting,
    /// Bytes go both ways.
    Open,
    /// The machine has closed it: what it still has to send goes out, then FIN.
    Closing,
    /// FIN is sent. What comes in is read to be forgotten: unread it would make a reset of the FIN.
    Draining,
}

/// A connection with a socket.
pub(crate) struct Link<T> {
    pub(crate) socket: T,
    pub(crate) phase: Phase,
    /// There may be something to read.
    pub(crate) readable: bool,
    /// The machine may have something to send.
    pub(crate) has_output: bool,
    /// The socket had no room when it was last asked.
    pub(crate) full: bool,
    /// Whether it stands in the list of those with something to do.
    listed: bool,
    /// When it must be gone, once it is closed.
    until: Option<Instant>,
}

impl<T> Link<T> {
    /// Whether the machine still takes part in it.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }

    /// Whether a write could move something.
    pub(crate) fn can_send(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Closing) && self.has_output && !self.full
    }
}

/// All connections with a socket. A turn costs nothing for those with nothing to do.
pub(crate) struct Links<S: Sockets> {
    by_conn: BTreeMap<ConnId, Link<S::Socket>>,
    by_socket: BTreeMap<S::Socket, ConnId>,
    /// Those with something to do, each once. Some may be gone by the time they are looked at.
    busy: Vec<ConnId>,
    /// Closed ones, by the time they must be gone.
    closing: BTreeSet<(Instant, ConnId)>,
}

impl<S: Sockets> Default for Links<S> {
    fn default() -> Links<S> {
        Links {
            by_conn: BTreeMap::new(),
            by_socket: BTreeMap::new(),
            busy: Vec::new(),
            closing: BTreeSet::new(),
        }
    }
}

impl<S: Sockets> Links<S> {
    /// Number of connections with a socket.
    pub(crate) fn len(&self) -> usize {
        self.by_conn.len()
    }

    /// A new connection.
    pub(crate) fn add(&mut self, conn: ConnId, socket: S::Socket, phase: Phase) {
        let link = Link {
            socket,
            phase,
            readable: false,
            has_output: true,
            full: false,
            listed: false,
            until: None,
        };
        self.by_socket.insert(socket, conn);
        self.by_conn.insert(conn, link);
        self.list(conn);
    }

    pub(crate) fn get(&self, conn: ConnId) -> Option<&Link<S::Socket>> {
        self.by_conn.get(&conn)
    }

    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Link<S::Socket>> {
        self.by_conn.get_mut(&conn)
    }

    /// The connection on a socket.
    pub(crate) fn conn(&self, socket: S::Socket) -> Option<ConnId> {
        self.by_socket.get(&socket).copied()
    }

    /// Changes a connection, which has something to do then.
    pub(crate) fn wake(&mut self, conn: ConnId, change: impl FnOnce(&mut Link<S::Socket>)) {
        if let Some(link) = self.by_conn.get_mut(&conn) {
            change(link);
            self.list(conn);
        }
    }

    /// Puts a connection among those with something to do.
    pub(crate) fn list(&mut self, conn: ConnId) {
        if let Some(link) = self.by_conn.get_mut(&conn)
            && !core::mem::replace(&mut link.listed, true)
        {
            self.busy.push(conn);
        }
    }

    /// Moves those with something to do to the end of `out`; they may be listed again.
    pub(crate) fn take_busy(&mut self, out: &mut Vec<ConnId>) {
        for &conn in &self.busy {
            if let Some(link) = self.by_conn.get_mut(&conn) {
                link.listed = false;
            }
        }
        out.append(&mut self.busy);
    }

    /// Lets a closed connection be, until a time.
    pub(crate) fn close(&mut self, conn: ConnId, until: Instant) {
        if let Some(link) = self.by_conn.get_mut(&conn)
            && link.phase == Phase::Open
        {
            link.phase = Phase::Closing;
            link.has_output = true;
            link.until = Some(until);
            self.closing.insert((until, conn));
            self.list(conn);
        }
    }

    /// The closed connection whose time is up first, if there are more than `max`.
    pub(crate) fn surplus(&self, max: usize) -> Option<ConnId> {
        let (_, oldest) = self.closing.first()?;
        (self.closing.len() > max).then_some(*oldest)
    }

    /// A closed connection whose time is up.
    pub(crate) fn overdue(&self, now: Instant) -> Option<ConnId> {
        let (until, conn) = *self.closing.first()?;
        (until <= now).then_some(conn)
    }

    /// When the time of a closed connection is up.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.closing.first().map(|(until, _)| *until)
    }

    /// Forgets a connection.
    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<Link<S::Socket>> {
        let link = self.by_conn.remove(&conn)?;
        self.by_socket.remove(&link.socket);
        if let Some(until) = link.until {
            self.closing.remove(&(until, conn));
        }
        Some(link)
    }
}
