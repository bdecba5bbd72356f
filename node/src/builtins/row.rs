//! A row of the table of built-in functions.

use super::args::Args;
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;

/// One function of a built-in service.
pub struct Builtin {
    /// Service id in the script's `call`.
    pub service: &'static str,
    /// Function name.
    pub function: &'static str,
    /// Arguments by position; `?T` is an optional one.
    pub arguments: &'static str,
    /// The value on success.
    pub result: &'static str,
    /// Errors and peculiarities.
    pub notes: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What it does.
    pub handler: Handler,
}

/// In place of a function's name: any name that no row before has.
pub const ANY: &str = "*";

/// The code behind a function.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Answers from the call alone.
    Pure(fn(&Call<'_>, &mut Args<'_>) -> Result<Reply, CallError>),
    /// Works on the node's rooms: on what lasts longer than the call.
    Rooms(fn(&mut Rooms, &Call<'_>, &mut Args<'_>) -> Result<Reply, CallError>),
}

/// Who may call a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Any script.
    Anyone,
    /// Scripts signed by the host or by its operator. The handler checks it, after it has
    /// read its arguments.
    Protected,
    /// As [`Access::Protected`] on the host; on a worker scripts signed by its creator, itself or
    /// the operator.
    ProtectedScope,
}

/// A row for functions that anyone may call.
pub(super) const fn row(
    service: &'static str,
    function: &'static str,
    arguments: &'static str,
    result: &'static str,
    notes: &'static str,
    handler: fn(&Call<'_>, &mut Args<'_>) -> Result<Reply, CallError>,
) -> Builtin {
    Builtin {
        service,
        function,
        arguments,
        result,
        notes,
        access: Access::Anyone,
        handler: Handler::Pure(handler),
    }
}

impl Builtin {
    /// The same row for those whom `access` names.
    pub(super) const fn open_to(self, access: Access) -> Builtin {
        Builtin { access, ..self }
    }
}

/// A row for functions on the rooms, open to anyone.
pub(super) const fn on_rooms(
    service: &'static str,
    function: &'static str,
    arguments: &'static str,
    result: &'static str,
    notes: &'static str,
    handler: fn(&mut Rooms, &Call<'_>, &mut Args<'_>) -> Result<Reply, CallError>,
) -> Builtin {
    Builtin {
        service,
        function,
        arguments,
        result,
        notes,
        access: Access::Anyone,
        handler: Handler::Rooms(handler),
    }
}
