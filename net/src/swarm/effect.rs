//! What goes into a swarm and what comes out of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::particle::Particle;
pub use basalt_terms::multiaddr::Transport;
use basalt_terms::multiaddr::{Endpoint, Multiaddr};
use basalt_terms::peer_id::PeerId;

/// Names one connection of a swarm, for ever: ids are not used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub(super) u64);

impl ConnId {
    /// A name for a connection that no swarm has, for machines that serve others beside one: names of swarms count from
    /// below, these from above.
    pub fn beside_swarm(number: u64) -> ConnId {
        ConnId(u64::MAX - number)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnId({})", self.0)
    }
}

/// Names one particle given to [`Swarm::send`](super::Swarm::send).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub(super) u64);

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The other side did.
    Inbound,
    /// We did.
    Outbound,
}

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
    /// Bytes came in. No more than [`Swarm::receive_capacity`](super::Swarm::receive_capacity) at once.
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
    /// The time that [`Swarm::wake_at`](super::Swarm::wake_at) named has come.
    Timer,
}

/// What the swarm asks of the edge, or tells whoever drives it.
#[derive(Debug)]
pub enum Effect {
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
    /// Bytes wait to be fetched by [`Swarm::transmit`](super::Swarm::transmit). Given once; again only
    /// after `transmit` has given 0: nothing is left.
    Output {
        /// The connection.
        conn: ConnId,
    },
    /// Send what `transmit` still gives, then close (FIN) and forget the connection. Nothing more is
    /// taken from it.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Reset the connection at once and forget it; a dial or lookup that is under way ends.
    Abort {
        /// The connection.
        conn: ConnId,
    },
    /// Something that the peer's logic may care for.
    Event(Event),
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
        /// What it told.
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

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The edge could not connect.
    DialFailed(String),
    /// The other side closed it.
    Remote,
    /// It broke.
    Lost,
    /// We closed it on request.
    Local,
    /// The other side broke the rules or a budget, or answered as another peer.
    Failed(crate::connection::Error),
    /// Set-up took too long.
    SetUpTimeout,
    /// Too many were being set up, and this was the oldest.
    PushedOut,
    /// Pings stayed without an answer.
    PingTimeout,
    /// The other side takes no more bytes.
    SlowReader,
    /// It does not speak the particle protocol.
    NoParticles,
    /// The peer has newer connections, as many as one peer may have.
    Replaced,
    /// It was made for a question of Kademlia and is not needed any more.
    Idle,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DialFailed(reason) => write!(f, "cannot connect: {reason}"),
            Self::Remote => f.write_str("closed by the other side"),
            Self::Lost => f.write_str("the connection broke"),
            Self::Local => f.write_str("closed here"),
            Self::Failed(error) => error.fmt(f),
            Self::SetUpTimeout => f.write_str("set-up took too long"),
            Self::PushedOut => {
                f.write_str("newer connections needed its place before it was set up")
            }
            Self::PingTimeout => f.write_str("pings stay without an answer"),
            Self::SlowReader => f.write_str("the other side takes no more bytes"),
            Self::NoParticles => f.write_str("the peer does not speak the particle protocol"),
            Self::Idle => f.write_str("not needed any more"),
            Self::Replaced => f.write_str("the peer has as many newer connections as it may have"),
        }
    }
}

/// Why a particle was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection ended before all bytes were out.
    ConnectionClosed,
    /// The peer refuses the particle protocol.
    ProtocolRefused,
    /// The peer reset the stream.
    StreamReset,
    /// It took too long.
    Timeout,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionClosed => "the connection ended",
            Self::ProtocolRefused => "the peer refuses the particle protocol",
            Self::StreamReset => "the peer reset the stream",
            Self::Timeout => "the peer did not take it in time",
        })
    }
}

impl core::error::Error for SendError {}

/// Why a particle is not even tried to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotSend {
    /// There is no connection to the peer.
    NotConnected,
    /// More waits for the peer than [`Limits::max_queued`](crate::connection::Limits::max_queued).
    Congested,
    /// The particle is bigger than any peer takes.
    TooBig,
}

impl fmt::Display for CannotSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "there is no connection to the peer",
            Self::Congested => "too much waits for the peer already",
            Self::TooBig => "the particle is bigger than 100 MiB",
        })
    }
}

impl core::error::Error for CannotSend {}

/// Why an address is not dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotDial {
    /// The address names nothing that can be dialed.
    Address(basalt_terms::multiaddr::EndpointError),
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

/// What was refused, and why. Each has a counter in [`Status`](super::Status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A connection: all places are taken.
    ConnectionsFull,
    /// A connection: too many are still being set up.
    SetUpsFull,
    /// A connection: its address has too many that are still being set up.
    AddressSetUpsFull,
    /// A connection: its address has too many.
    AddressFull,
    /// A connection: its peer has too many.
    PeerFull,
    /// A connection: it did not finish its set-up in time.
    SetUpTimeout,
    /// A connection: it broke the rules of a protocol.
    ProtocolViolation,
    /// A connection: its peer takes no bytes.
    SlowReader,
    /// A connection: its peer does not speak the particle protocol.
    NoParticles,
    /// A stream: the connection has too many.
    StreamsFull,
    /// A stream: it did not finish in time.
    StreamTimeout,
    /// A stream: its protocol is not spoken.
    UnknownProtocol,
    /// A particle: it is too big.
    ParticleTooBig,
    /// A particle: it is malformed.
    ParticleMalformed,
    /// A particle: too many bytes of unfinished ones are held already.
    ParticleMemory,
    /// A message of another protocol was malformed or too big.
    MessageMalformed,
    /// A question of Kademlia: there are too many.
    QuestionFlood,
}

impl Refusal {
    /// Every reason, in the order of their counters.
    pub const ALL: [Self; 17] = [
        Self::ConnectionsFull,
        Self::SetUpsFull,
        Self::AddressSetUpsFull,
        Self::AddressFull,
        Self::PeerFull,
        Self::SetUpTimeout,
        Self::ProtocolViolation,
        Self::SlowReader,
        Self::NoParticles,
        Self::StreamsFull,
        Self::StreamTimeout,
        Self::UnknownProtocol,
        Self::ParticleTooBig,
        Self::ParticleMalformed,
        Self::ParticleMemory,
        Self::MessageMalformed,
        Self::QuestionFlood,
    ];

    /// A short name for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectionsFull => "connections_full",
            Self::SetUpsFull => "set_ups_full",
            Self::AddressSetUpsFull => "address_set_ups_full",
            Self::AddressFull => "address_full",
            Self::PeerFull => "peer_full",
            Self::SetUpTimeout => "set_up_timeout",
            Self::ProtocolViolation => "protocol_violation",
            Self::SlowReader => "slow_reader",
            Self::NoParticles => "no_particles",
            Self::StreamsFull => "streams_full",
            Self::StreamTimeout => "stream_timeout",
            Self::UnknownProtocol => "unknown_protocol",
            Self::ParticleTooBig => "particle_too_big",
            Self::ParticleMalformed => "particle_malformed",
            Self::ParticleMemory => "particle_memory",
            Self::MessageMalformed => "message_malformed",
            Self::QuestionFlood => "question_flood",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Refusal {}
