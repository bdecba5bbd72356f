//! Why something about spells did not work, in the words of the protocol description.

use alloc::string::String;
use core::fmt;

use basalt_net::peer_id::PeerId;

use super::config::BadConfig;
use crate::reply::CallError;
use crate::services;

/// Why something about spells did not work.
#[derive(Debug, Clone)]
pub enum Error {
    /// Who may not install, where.
    MayNotInstall(PeerId, Option<PeerId>),
    /// Who may not change which spell.
    MayNotChange(PeerId, String),
    /// The node has no spell service.
    NoService,
    /// The service is no spell.
    NoSpell(String),
    /// The configuration is none.
    Config(BadConfig),
    /// The spell's service refused.
    Refused(String),
    /// The service failed.
    Service(services::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::MayNotInstall(_, None) => f.write_str(
                "Failed to install spell in the root scope, only management peer id can install top-level spells",
            ),
            Error::MayNotInstall(author, Some(worker)) => write!(
                f,
                "Failed to install spell on {worker}, spell can be installed by worker creator, worker itself or peer manager, not by {author}"
            ),
            Error::MayNotChange(author, id) => {
                write!(f, "{author} may not change the spell {id}")
            }
            Error::NoService => f.write_str("this node has no spell service"),
            Error::NoSpell(id) => write!(f, "Service {id} is not a spell"),
            Error::Config(error) => error.fmt(f),
            Error::Refused(why) => write!(f, "the spell service refused: {why}"),
            Error::Service(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<services::Error> for Error {
    fn from(error: services::Error) -> Error {
        Error::Service(error)
    }
}

impl From<BadConfig> for Error {
    fn from(error: BadConfig) -> Error {
        Error::Config(error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        CallError::from_error(error)
    }
}
