//! Why a name was not found.

use core::fmt;

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
