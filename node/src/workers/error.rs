//! Why something about workers did not work, in the words of the protocol description.

use alloc::string::String;
use core::fmt;

use basalt_net::peer_id::PeerId;

use crate::reply::CallError;
use crate::state;

/// Why something about workers did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Only host and operator may do this.
    NotOperator(&'static str),
    /// Only its creator, host and operator may remove a worker.
    NotCreator(PeerId),
    /// A text that is no deal id.
    BadDeal(String),
    /// A text that is no compute unit's id.
    BadUnit(String),
    /// There is a worker for the deal.
    Exists(String),
    /// There is no worker for the deal.
    NoDeal(String),
    /// There is no worker with this id.
    NotFound(String),
    /// It is active.
    Active,
    /// It is not active.
    Inactive,
    /// Too few cores: asked for, free.
    NoCores(usize, usize),
    /// The store fails.
    State(state::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotOperator(what) => write!(f, "Only management or host peer can {what} worker"),
            Error::NotCreator(id) => {
                write!(
                    f,
                    "Worker {id} can be removed only by worker creator, host or management"
                )
            }
            Error::BadDeal(deal) => write!(f, "Invalid deal id '{deal}'"),
            Error::BadUnit(unit) => write!(f, "Invalid compute unit id '{unit}'"),
            Error::Exists(deal) => write!(f, "Worker for {deal} already exists"),
            Error::NoDeal(deal) => write!(f, "Worker for deal_id {deal} not found"),
            Error::NotFound(id) => write!(f, "Worker {id} not found"),
            Error::Active => f.write_str("Deal has already been activated"),
            Error::Inactive => f.write_str("Deal has already been deactivated"),
            Error::NoCores(asked, free) => write!(
                f,
                "Failed to allocate cores for {asked} compute units: {free} cores are free"
            ),
            Error::State(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Error {
        Error::State(error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        CallError::from_error(error)
    }
}
