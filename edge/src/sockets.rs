//! What the two edges differ in: sockets, and how names are looked up.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use basalt_net::multiaddr::HostName;
use basalt_net::swarm::Transport;
use basalt_net::time::Instant;

/// Why something failed, in words.
pub type Reason = Cow<'static, str>;

/// TCP sockets that never block, and lookups of names. What happens to them is told by [`Event`]s.
pub trait Sockets {
    /// Names a socket. Never used again, so that an old name means no stranger's connection.
    type Socket: Copy + Ord + fmt::Debug;
    /// Names a lookup that was begun.
    type Lookup: Copy + Ord + fmt::Debug;

    /// Begins to open a connection: [`Event::Connected`] or [`Event::Failed`] follows.
    ///
    /// # Errors
    /// It cannot even be tried.
    fn connect(&mut self, remote: SocketAddr) -> Result<Self::Socket, Reason>;

    /// What to ask about a host to get its addresses, in this order. A question is only asked when
    /// no address of the one before it answers.
    ///
    /// # Errors
    /// None of its addresses could be reached from here.
    fn questions(&self, host: &HostName) -> Result<&'static [Question], Reason>;

    /// Begins to look up a name: [`Event::Found`] follows.
    ///
    /// # Errors
    /// It cannot even be tried.
    fn look_up(&mut self, name: &str, question: Question) -> Result<Self::Lookup, Reason>;

    /// The other end of a connection, while there is one.
    fn remote(&self, socket: Self::Socket) -> Option<SocketAddr>;

    /// Hands at most `limit` received bytes to `take`, in one piece.
    fn receive(
        &mut self,
        socket: Self::Socket,
        limit: usize,
        take: impl FnOnce(&mut [u8]),
    ) -> Received;

    /// Lets `fill` write bytes to be sent into one piece of room; it returns how many it wrote.
    fn send(&mut self, socket: Self::Socket, fill: impl FnOnce(&mut [u8]) -> usize) -> Sent;

    /// Ends the sending side (FIN). What comes in can still be received.
    fn shut(&mut self, now: Instant, socket: Self::Socket);

    /// Ends the connection at once and forgets it.
    fn abort(&mut self, now: Instant, socket: Self::Socket);
}

/// What can be asked about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Its addresses of both families.
    Addresses,
    /// Its IPv4 addresses.
    V4,
    /// Its IPv6 addresses.
    V6,
    /// Its TXT records.
    Texts,
}

/// What a name has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Addresses, the best first.
    Addresses(Vec<IpAddr>),
    /// TXT records.
    Texts(Vec<Vec<u8>>),
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many bytes were taken.
    Bytes(usize),
    /// There are none now: [`Event::Readable`] tells when there are.
    Nothing,
    /// The other side has sent its last byte. Sockets that tell that by [`Event::Finished`] never
    /// say it here.
    End,
    /// The connection is broken.
    Broken,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// So many bytes were taken.
    Bytes(usize),
    /// There was room and nothing to send, and nothing waits in the socket.
    Nothing,
    /// There is no room: [`Event::Writable`] tells when there is.
    Full,
    /// The connection is broken.
    Broken,
}

/// Whom a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Peers.
    Peers(Transport),
    /// Readers of the operator's pages.
    Pages,
}

/// What happened to a socket or a lookup.
#[derive(Debug)]
pub enum Event<S: Sockets> {
    /// A connection came in.
    Accepted {
        /// The connection.
        socket: S::Socket,
        /// The listener where it came in.
        door: Door,
        /// Who connected.
        remote: SocketAddr,
    },
    /// A connection that was begun is open.
    Connected(S::Socket),
    /// A connection that was begun cannot be opened; the socket is gone.
    Failed(S::Socket, Reason),
    /// Bytes wait to be received.
    Readable(S::Socket),
    /// There is room to send again.
    Writable(S::Socket),
    /// The other side has sent its last byte, and all of them were received.
    Finished(S::Socket),
    /// The connection is over; the socket is gone.
    Closed(S::Socket),
    /// A lookup ended.
    Found(S::Lookup, Result<Found, Reason>),
}
