//! Which TCP socket carries which connection of the peer, and the moving of bytes between them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use basalt_net::dns::{self, Kind, Record};
use basalt_net::ip::{QueryId, SocketId, Stack};
use basalt_net::multiaddr::{Endpoint, Host, Scope};
use basalt_net::swarm::{ConnId, Input};

use crate::host::Clock;
use crate::machine::{Effect, Machine};
use crate::peer::Peer;

/// A connection's way to the wire.
#[derive(Debug, Clone, Copy)]
struct Link {
    socket: SocketId,
    /// The peer may have bytes to send.
    has_output: bool,
    /// The peer has closed it: what it still has to send goes out, then FIN.
    closing: bool,
}

/// The ways to an endpoint that were not tried yet.
struct Ways {
    name: String,
    /// Which of its addresses may be dialed.
    scope: Scope,
    port: u16,
    /// What to ask about the name, the first last.
    kinds: Vec<Kind>,
    /// Addresses of the name, the first last.
    addresses: Vec<IpAddr>,
}

/// What became of a lookup.
pub(super) enum Resolved {
    /// A connection is on its way, or nobody waits for it.
    Settled,
    /// The texts that a connection waits for.
    Texts(ConnId, Vec<Vec<u8>>),
    /// A connection cannot be made.
    Failed(ConnId, &'static str),
}

/// All connections of the peer that have a socket or wait for a name.
#[derive(Default)]
pub(super) struct Links {
    by_conn: BTreeMap<ConnId, Link>,
    by_socket: BTreeMap<SocketId, ConnId>,
    lookups: BTreeMap<QueryId, ConnId>,
    ways: BTreeMap<ConnId, Ways>,
}

impl Links {
    pub(super) fn add(&mut self, conn: ConnId, socket: SocketId) {
        self.by_socket.insert(socket, conn);
        self.by_conn.insert(
            conn,
            Link {
                socket,
                has_output: true,
                closing: false,
            },
        );
    }

    /// The connection on a socket, as long as the peer takes part in it.
    pub(super) fn conn(&self, socket: SocketId) -> Option<ConnId> {
        let conn = *self.by_socket.get(&socket)?;
        self.by_conn
            .get(&conn)
            .is_some_and(|link| !link.closing)
            .then_some(conn)
    }

    /// Forgets a socket that is gone; returns its connection.
    pub(super) fn remove(&mut self, socket: SocketId) -> Option<ConnId> {
        let conn = self.by_socket.remove(&socket)?;
        self.by_conn.remove(&conn);
        Some(conn)
    }

    /// Opens a connection that the peer wants; the reason if it cannot even be tried.
    pub(super) fn dial(
        &mut self,
        stack: &mut Stack,
        conn: ConnId,
        endpoint: &Endpoint,
    ) -> Result<(), &'static str> {
        let speaks_v6 = stack
            .configuration()
            .is_some_and(|configuration| configuration.ipv6.is_some());
        let (name, kinds) = match &endpoint.host {
            Host::Ip(ip) => return self.connect(stack, conn, SocketAddr::new(*ip, endpoint.port)),
            Host::Dns6(_) if !speaks_v6 => return Err("this node has no IPv6 address"),
            Host::Dns6(name) => (name, vec![Kind::Aaaa]),
            Host::Dns(name) if speaks_v6 => (name, vec![Kind::Aaaa, Kind::A]),
            Host::Dns(name) | Host::Dns4(name) => (name, vec![Kind::A]),
        };
        let ways = Ways {
            name: name.clone(),
            scope: endpoint.scope,
            port: endpoint.port,
            kinds,
            addresses: Vec::new(),
        };
        self.ways.insert(conn, ways);
        self.try_next(stack, conn, "the name has no address")
    }

    /// Tries the next way to a connection's endpoint; if there is none, gives the `reason` why the last one failed.
    pub(super) fn try_next(
        &mut self,
        stack: &mut Stack,
        conn: ConnId,
        mut reason: &'static str,
    ) -> Result<(), &'static str> {
        while let Some(ways) = self.ways.get_mut(&conn) {
            let tried = if let Some(ip) = ways.addresses.pop() {
                let remote = SocketAddr::new(ip, ways.port);
                self.connect(stack, conn, remote)
            } else if let Some(kind) = ways.kinds.pop() {
                let started = stack.resolve(&ways.name, kind);
                started
                    .map(|query| {
                        self.lookups.insert(query, conn);
                    })
                    .map_err(|error| error.reason())
            } else {
                self.ways.remove(&conn);
                break;
            };
            match tried {
                Ok(()) => return Ok(()),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn connect(
        &mut self,
        stack: &mut Stack,
        conn: ConnId,
        remote: SocketAddr,
    ) -> Result<(), &'static str> {
        let socket = stack.connect(remote).map_err(|error| error.reason())?;
        self.add(conn, socket);
        Ok(())
    }

    /// A connection is there: the other ways are not needed any more.
    pub(super) fn connected(&mut self, conn: ConnId) {
        self.ways.remove(&conn);
        self.has_output(conn);
    }

    /// Looks up the texts that the peer wants for a connection; the reason if that cannot even be tried.
    pub(super) fn look_up(
        &mut self,
        stack: &mut Stack,
        conn: ConnId,
        name: &str,
    ) -> Result<(), &'static str> {
        let query = stack
            .resolve(name, Kind::Txt)
            .map_err(|error| error.reason())?;
        self.lookups.insert(query, conn);
        Ok(())
    }

    /// A name was looked up: goes on with the connection that waits for it, if it is still wanted.
    pub(super) fn resolved(
        &mut self,
        stack: &mut Stack,
        query: QueryId,
        result: Result<Vec<Record>, dns::Error>,
    ) -> Resolved {
        let Some(conn) = self.lookups.remove(&query) else {
            return Resolved::Settled;
        };
        let (mut texts, mut reason) = (Vec::new(), "the name has no address");
        match result {
            Ok(records) => {
                for record in records.into_iter().rev() {
                    match (record, self.ways.get_mut(&conn)) {
                        (Record::Address(ip), Some(ways)) if ways.scope.admits(ip) => {
                            ways.addresses.push(ip);
                        }
                        (Record::Address(_), Some(_)) => reason = "the name has no public address",
                        (Record::Text(text), _) => texts.insert(0, text),
                        (Record::Address(_), None) => {}
                    }
                }
            }
            Err(error) => reason = error.reason(),
        }
        if !texts.is_empty() {
            return Resolved::Texts(conn, texts);
        }
        match self.try_next(stack, conn, reason) {
            Ok(()) => Resolved::Settled,
            Err(reason) => Resolved::Failed(conn, reason),
        }
    }

    /// Hands received bytes to the peer, as many as it takes.
    pub(super) fn receive(
        &mut self,
        stack: &mut Stack,
        peer: &mut Peer,
        clock: Clock,
        socket: SocketId,
        out: &mut Vec<Effect>,
    ) {
        let Some(&conn) = self.by_socket.get(&socket) else {
            return;
        };
        let closing = self.by_conn.get(&conn).is_none_or(|link| link.closing);
        if closing {
            // Nobody reads it any more; taking it spares the other side a reset.
            while stack.receive_with(socket, usize::MAX, |_| ()) > 0 {}
            return;
        }
        loop {
            let room = peer.receive_capacity(conn);
            if room == 0 {
                return;
            }
            let taken = stack.receive_with(socket, room, |bytes| {
                peer.handle(clock, Input::Received { conn, bytes }, out);
            });
            if taken == 0 {
                return;
            }
        }
    }

    pub(super) fn has_output(&mut self, conn: ConnId) {
        if let Some(link) = self.by_conn.get_mut(&conn) {
            link.has_output = true;
        }
    }

    pub(super) fn writable(&mut self, socket: SocketId) {
        if let Some(conn) = self.by_socket.get(&socket).copied() {
            self.has_output(conn);
        }
    }

    pub(super) fn close(&mut self, conn: ConnId) {
        if let Some(link) = self.by_conn.get_mut(&conn) {
            link.closing = true;
            link.has_output = true;
        }
    }

    pub(super) fn abort(&mut self, stack: &mut Stack, clock: Clock, conn: ConnId) {
        self.lookups.retain(|_, waiting| *waiting != conn);
        self.ways.remove(&conn);
        if let Some(link) = self.by_conn.remove(&conn) {
            self.by_socket.remove(&link.socket);
            stack.abort(clock.now, link.socket);
        }
    }

    /// Moves what the peer has to send into the sockets. True when something was moved.
    pub(super) fn send(&mut self, stack: &mut Stack, peer: &mut Peer, clock: Clock) -> bool {
        let mut moved = false;
        for (&conn, link) in self.by_conn.iter_mut().filter(|(_, link)| link.has_output) {
            loop {
                let mut room = 0;
                let written = stack.send_with(link.socket, |buffer| {
                    room = buffer.len();
                    peer.transmit(conn, buffer)
                });
                moved |= written > 0;
                if room == 0 {
                    // A connection that is not open yet, or a full one: the stack tells when it is
                    // worth trying again.
                    link.has_output = false;
                    break;
                }
                if written == 0 {
                    link.has_output = false;
                    if link.closing {
                        stack.close(clock.now, link.socket);
                    }
                    break;
                }
            }
        }
        moved
    }
}
