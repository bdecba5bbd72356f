//! What goes into a swarm and what comes out of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use super::conn_id::ConnId;
use crate::connection::CloseReason;
use crate::direction::Direction;
use crate::particle::Particle;
use crate::refusal::Refusal;
use crate::sending::{SendError, SendId};
use basalt_terms::multiaddr::{Endpoint, EndpointError, Multiaddr};
use basalt_terms::peer_id::PeerId;

/// What the edge tells the swarm.
#[derive(Debug)]
pub enum Input<'a> {
    /// The TCP connection that [`Effect::Dial`] asked for is up.
    Dialed {
        /// The connection.
        conn: ConnId,
        /// The address that answered.
        remote: SocketAddr,
    },
    /// What [`Effect::Dial`] or [`Effect::LookUp`] asked for cannot be had.
    DialFailed {
        /// The connection.
        conn: ConnId,
        /// What the edge says about it.
        reason: &'a str,
    },
    /// The texts that [`Effect::LookUp`] asked for.
    LookedUp {
        /// The connection.
        conn: ConnId,
        /// The TXT records of the name.
        texts: &'a [Vec<u8>],
    },
    /// Bytes came in. No more than `Swarm::receive_capacity` at once.
    Received {
        /// The connection.
        conn: ConnId,
        /// The bytes; they are decrypted where they lie, and worth nothing afterwards.
        bytes: &'a mut [u8],
    },
    /// The other side sends nothing more (FIN).
    RemoteClosed {
        /// The connection.
        conn: ConnId,
    },
    /// The connection broke (reset, time-out).
    Lost {
        /// The connection.
        conn: ConnId,
    },
    /// The time that `Swarm::wake_at` named has come.
    Timer,
}

/// What is asked of the edge that owns the sockets, and whatever else whoever asks has to say: a
/// swarm tells its [`Event`]s that way, what is built on it has other things.
#[derive(Debug)]
pub enum Effect<T = Event> {
    /// Open a TCP connection, then answer [`Input::Dialed`] or [`Input::DialFailed`].
    Dial {
        /// The connection's name from now on.
        conn: ConnId,
        /// Where to; names are the edge's to resolve.
        endpoint: Endpoint,
    },
    /// Look up the TXT records of a name, then answer [`Input::LookedUp`] or [`Input::DialFailed`].
    LookUp {
        /// The connection that is to be made of them.
        conn: ConnId,
        /// The name.
        name: String,
    },
    /// Bytes wait to be fetched by `Swarm::transmit`. Given once; again only
    /// after `transmit` has given 0: nothing is left.
    Output {
        /// The connection.
        conn: ConnId,
    },
    /// Send what `transmit` still gives, then close (FIN) and forget the connection. Nothing more
    /// is taken from it.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Reset the connection at once and forget it; a dial or lookup that is under way ends.
    Abort {
        /// The connection.
        conn: ConnId,
    },
    /// Not about a connection.
    Other(T),
}

impl<T> Effect<T> {
    /// Separates what is the edge's from the rest.
    ///
    /// # Errors
    /// It is not about a connection: the rest.
    pub fn split<U>(self) -> Result<Effect<U>, T> {
        match self {
            Self::Dial { conn, endpoint } => Ok(Effect::Dial { conn, endpoint }),
            Self::LookUp { conn, name } => Ok(Effect::LookUp { conn, name }),
            Self::Output { conn } => Ok(Effect::Output { conn }),
            Self::Close { conn } => Ok(Effect::Close { conn }),
            Self::Abort { conn } => Ok(Effect::Abort { conn }),
            Self::Other(other) => Err(other),
        }
    }
}

/// Where a swarm leaves its effects, in order.
pub type Effects = Vec<Effect>;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A connection is up: the peer has proven its identity and streams can be opened.
    Connected {
        /// The peer.
        peer: PeerId,
        /// The connection.
        conn: ConnId,
        /// Its other end.
        remote: SocketAddr,
        /// Who opened it.
        direction: Direction,
        /// Whether it is the only one to this peer.
        first: bool,
    },
    /// The last connection to a peer is gone.
    Disconnected {
        /// The peer.
        peer: PeerId,
    },
    /// A connection (or the attempt to make one) ended.
    Closed {
        /// The connection.
        conn: ConnId,
        /// The peer, if it ever proved its identity or was expected.
        peer: Option<PeerId>,
        /// Why.
        reason: CloseReason,
    },
    /// A peer told what it is; comes again when it changes or is asked again.
    Identified {
        /// The peer.
        peer: PeerId,
        /// What it told. It may have done so unasked, and only of what has changed: then the other
        /// fields are empty.
        info: Box<crate::identify::Info>,
    },
    /// A particle came in. Its signature and its expiry are not checked here.
    Particle {
        /// The peer that sent it, which need not be its author.
        from: PeerId,
        /// The particle.
        particle: Box<Particle>,
    },
    /// All bytes of a particle went to the transport.
    Sent {
        /// Which particle.
        id: SendId,
    },
    /// A particle cannot be sent.
    SendFailed {
        /// Which particle.
        id: SendId,
        /// Why.
        reason: SendError,
    },
    /// A search for a peer is over.
    Found {
        /// The peer that was searched.
        peer: PeerId,
        /// Where it can be dialed; empty if nobody who was asked knows.
        addresses: Vec<Multiaddr>,
        /// The peers closest to it that have answered, closest first.
        closest: Vec<PeerId>,
    },
    /// A budget was exceeded or a rule broken, and something was refused; counted in the status.
    Refused {
        /// The connection.
        conn: ConnId,
        /// Why.
        reason: Refusal,
    },
}

/// Why an address is not dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotDial {
    /// The address names nothing that can be dialed.
    Address(EndpointError),
    /// There are as many connections as allowed.
    Full,
    /// The address is that of this peer itself.
    Oneself,
}

impl fmt::Display for CannotDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Full => f.write_str("there are as many connections as allowed"),
            Self::Oneself => f.write_str("that is this peer itself"),
        }
    }
}

impl core::error::Error for CannotDial {}
