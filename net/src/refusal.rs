//! Reasons for which something is refused; each is counted.

use core::fmt;

/// What was refused, and why. Each has a counter in a swarm's status.
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
    /// A connection: its peer's key is of a kind that is not verified here.
    IdentityKind,
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
    /// A dial: a stranger named an address that is not public.
    NotPublic,
}

impl Refusal {
    /// Every reason, in the order of their counters.
    pub const ALL: [Self; 19] = [
        Self::ConnectionsFull,
        Self::SetUpsFull,
        Self::AddressSetUpsFull,
        Self::AddressFull,
        Self::PeerFull,
        Self::SetUpTimeout,
        Self::ProtocolViolation,
        Self::IdentityKind,
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
        Self::NotPublic,
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
            Self::IdentityKind => "identity_kind",
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
            Self::NotPublic => "not_public",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Refusal {}
