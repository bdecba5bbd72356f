//! `getDataSrv`: what a script may ask about where it runs.

use alloc::string::ToString;

use super::{Args, Builtin, Call, CallError, Reply, row};

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
