//! Host names: addresses (A, AAAA) and texts (TXT) from a name server, over UDP (RFC 1035, RFC 3596, EDNS0 of RFC 6891).
//!
//! | file | room |
//! |---|---|
//! | `message.rs` | questions written, answers read; the packet format is smoltcp's |
//! | `lookup.rs` | one question to several servers, with patience |
//!
//! A stub resolver: the server that is asked does the recursion. There is no cache, because what is looked up is
//! dialed at once and seldom again.

mod lookup;
mod message;

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

pub use lookup::{Lookup, Step};
pub use message::{question, read_answer};

/// What is asked about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Texts.
    Txt,
}

/// What a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An address.
    Address(IpAddr),
    /// The strings of a TXT record, joined.
    Text(Vec<u8>),
}

/// What one lookup may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest answer that is taken, in bytes; servers are told. Such a packet passes everywhere without fragments.
    pub max_answer: usize,
    /// Records that are kept of an answer. Bounds answers that make us dial the world.
    pub max_records: usize,
    /// Other names (CNAME) that a name may stand for, one after the other. Bounds circles.
    pub max_aliases: usize,
    /// How long a server may take. Bounds servers that are silent.
    pub patience: Duration,
    /// Questions in all, to all servers in turn.
    pub attempts: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_answer: 1232,
            max_records: 16,
            max_aliases: 8,
            patience: Duration::from_secs(2),
            attempts: 4,
        }
    }
}

/// Why a name was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// DNS cannot carry the name.
    BadName,
    /// There is no name server to ask.
    NoServer,
    /// No server has answered in time.
    Silence,
    /// The servers refuse or fail.
    ServerFailure,
    /// There is no such name.
    NoSuchName,
    /// The name has no record of this kind, or too many aliases.
    NoRecord,
    /// Not the answer to this question, or not an answer at all.
    NotOurs,
    /// The answer ends early or contradicts itself.
    Malformed,
}

impl Error {
    /// What the error says.
    pub const fn reason(self) -> &'static str {
        match self {
            Error::BadName => "not a name that DNS can carry",
            Error::NoServer => "there is no name server to ask",
            Error::Silence => "no name server answers",
            Error::ServerFailure => "the name servers refuse the question or fail",
            Error::NoSuchName => "there is no such name",
            Error::NoRecord => "the name has no record of this kind",
            Error::NotOurs => "not the answer to this question",
            Error::Malformed => "the answer is malformed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl core::error::Error for Error {}
