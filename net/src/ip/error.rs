//! Why the stack does not do what it is asked.

use core::fmt;

use crate::dns;

/// Why the stack did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// No address yet (DHCP has not answered): wait for `Event::Configured`.
    NotConfigured,
    /// All of `Limits::max_sockets` are in use.
    TooManySockets,
    /// All of `Limits::max_queries` are in use.
    TooManyQueries,
    /// The lookup of a name cannot start.
    Name(dns::Error),
    /// Not an address or port one can connect to or listen on.
    BadAddress,
    /// The port is listened on already.
    PortTaken,
}

impl Error {
    /// What the error says.
    pub const fn reason(self) -> &'static str {
        match self {
            Error::NotConfigured => "the interface has no address yet",
            Error::TooManySockets => "the limit of sockets is reached",
            Error::TooManyQueries => "the limit of name lookups at the same time is reached",
            Error::Name(error) => error.reason(),
            Error::BadAddress => "the address or the port is not one to connect to or listen on",
            Error::PortTaken => "the port is listened on already",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl core::error::Error for Error {}
