//! Why something about services did not work, in the words of the protocol description (sections
//! 9.1 and 9.3).

use alloc::string::String;
use core::fmt;

use basalt_distro::Damaged;
use basalt_net::peer_id::PeerId;
use basalt_wasm_host::engine::BudgetKind;
use basalt_wasm_host::module::ModuleError;

use crate::refusal::Refusal;
use crate::reply::CallError;
use crate::state;

/// Why not.
#[derive(Debug, Clone)]
pub enum Error {
    /// No blueprint with this id.
    NoBlueprint(String),
    /// No module with this CID.
    NoModule(String),
    /// A blueprint's text is none.
    BadBlueprint(String),
    /// A blueprint without modules: its name.
    EmptyBlueprint(String),
    /// A module that cannot be used.
    BadModule(ModuleError),
    /// No service with this id or alias in this scope.
    NotFound(String, PeerId),
    /// No service with this alias in this scope.
    NoAlias(String, PeerId),
    /// An alias that is a service's id.
    AliasIsId(String),
    /// An alias that nobody may set.
    AliasReserved(String),
    /// Who may not do what, and why.
    Forbidden(PeerId, &'static str, &'static str),
    /// A module asks for programs of the host and may not: its name, its CID.
    ForbiddenEffector(String, String),
    /// A module asks for a program that it may not have: its name, its CID, the program.
    ForbiddenBinary(String, String, String),
    /// The service failed.
    Wasm(basalt_wasm_host::Error),
    /// A guest failed, and wrote this to its standard error before: the text of a panic is there.
    Guest(basalt_wasm_host::Error, String),
    /// The time for the call is over.
    Late,
    /// A budget is used up. It is counted.
    Refused(Refusal),
    /// This machine runs no services.
    NoCompute,
    /// The store failed or refused.
    State(state::Error),
    /// The service's kept files do not fit together.
    DamagedFiles,
    /// A later version of the node wrote the service's files: the format's version.
    LaterFiles(u8),
    /// A file that comes with the node is not what it should be.
    Distro(Damaged),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoBlueprint(id) => write!(f, "Blueprint '{id}' wasn't found"),
            Error::NoModule(cid) => write!(f, "Module with CID '{cid}' wasn't found"),
            Error::BadBlueprint(why) => {
                write!(f, "Error deserializing blueprint from IPLD: {why}")
            }
            Error::EmptyBlueprint(name) => {
                write!(f, "Blueprint '{name}' has empty list of dependencies")
            }
            Error::BadModule(error) => write!(f, "{error}"),
            Error::NotFound(id, scope) => write!(f, "Service with id '{id}' not found on {scope}"),
            Error::NoAlias(alias, scope) => {
                write!(
                    f,
                    "Service with alias '{alias}' is not found on worker '{scope}'"
                )
            }
            Error::AliasIsId(alias) => write!(
                f,
                "Cannot add alias '{alias}' because there is a service with that id"
            ),
            Error::AliasReserved(alias) => {
                write!(f, "Cannot add alias '{alias}' because it is reserved")
            }
            Error::Forbidden(who, function, why) => write!(
                f,
                "Forbidden. User id '{who}' cannot call function '{function}': {why}"
            ),
            Error::ForbiddenEffector(name, cid) => write!(
                f,
                "Config error: requested module effector {name} with CID {cid} is forbidden on this host"
            ),
            Error::ForbiddenBinary(name, cid, binary) => write!(
                f,
                "Config error: Module {name} with CID {cid} requested a binary `{binary}` which isn't in the configured list of binaries"
            ),
            Error::Wasm(error) => write!(f, "{error}"),
            Error::Guest(error, wrote) => write!(f, "{error}\n{wrote}"),
            Error::Late => f.write_str("the time for the call is over"),
            Error::Refused(reason) => write!(f, "this peer is too busy: {reason}"),
            Error::NoCompute => f.write_str("this machine runs no services"),
            Error::State(error) => write!(f, "{error}"),
            Error::DamagedFiles => f.write_str("the service's kept files do not fit together"),
            Error::LaterFiles(version) => write!(
                f,
                "the service's kept files have format version {version}, written by a later node"
            ),
            Error::Distro(error) => write!(f, "{error}"),
        }
    }
}

impl Error {
    /// The failure of a service whose guests wrote something to their standard error.
    pub(super) fn guest(error: basalt_wasm_host::Error, wrote: String) -> Error {
        use basalt_wasm_host::Error::{Engine, OutOfMemory};
        match error {
            Engine(_) | OutOfMemory { .. } if !wrote.is_empty() => Error::Guest(error, wrote),
            error => Error::Wasm(error),
        }
    }

    /// The budget that a call was over, if it was that, and was not counted when it began.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Error::Late => Some(Refusal::CallTime),
            Error::Refused(reason) => Some(*reason),
            Error::Wasm(basalt_wasm_host::Error::OutOfMemory { .. })
            | Error::Guest(basalt_wasm_host::Error::OutOfMemory { .. }, _) => {
                Some(Refusal::ServiceMemory)
            }
            Error::Wasm(error) | Error::Guest(error, _) => {
                (error.budget() == Some(BudgetKind::Time)).then_some(Refusal::CallTime)
            }
            _ => None,
        }
    }
}

impl core::error::Error for Error {}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Error {
        Error::State(error)
    }
}

impl From<Damaged> for Error {
    fn from(error: Damaged) -> Error {
        Error::Distro(error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        CallError::from_error(error)
    }
}
