//! Which TCP socket carries which connection of the peer, and the moving of bytes between them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};

use basalt_net::ip::{QueryId, SocketId, Stack};
use basalt_net::multiaddr::{Endpoint, Host};
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

/// All connections of the peer that have a socket or wait for a name.
#[derive(Default)]
pub(super) struct Links {
    by_conn: BTreeMap<ConnId, Link>,
    by_socket: BTreeMap<SocketId, ConnId>,
    lookups: BTreeMap<QueryId, (ConnId, u16)>,
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
        match &endpoint.host {
            Host::Ip(ip) => self.connect(stack, conn, SocketAddr::new(*ip, endpoint.port)),
            Host::Dns6(_) => Err("names are looked up for IPv4 only"),
            Host::Dns(name) | Host::Dns4(name) => {
                let query = stack.resolve(name).map_err(|error| error.reason())?;
                self.lookups.insert(query, (conn, endpoint.port));
                Ok(())
            }
        }
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

    /// A name was looked up: goes on with the connection that waits for it, if it is still wanted.
    pub(super) fn resolved(
        &mut self,
        stack: &mut Stack,
        query: QueryId,
        addresses: &[Ipv4Addr],
    ) -> Option<(ConnId, Result<(), &'static str>)> {
        let (conn, port) = self.lookups.remove(&query)?;
        let went_on = match addresses.first() {
            Some(address) => self.connect(stack, conn, SocketAddr::new((*address).into(), port)),
            None => Err("the name has no address"),
        };
        Some((conn, went_on))
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
        self.lookups.retain(|_, (waiting, _)| *waiting != conn);
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
