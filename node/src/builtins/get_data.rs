//! `getDataSrv`: what a script may ask about where it runs.

use alloc::string::ToString;

use super::args::Args;
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[row(
    "getDataSrv",
    "-relay-",
    "",
    "peer id of the host",
    "any particle",
    relay,
)];

fn relay(call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(call.host.peer_id.to_string().into())
}
