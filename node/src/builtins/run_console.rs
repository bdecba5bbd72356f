//! `run-console`: lines for the operator's log.

use serde_json::Value;

use super::args::Args;
use super::row::{Access, Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[Builtin {
    access: Access::Protected,
    ..row(
        "run-console",
        "print",
        "any n",
        "\"\"",
        "logged at info when an argument is a string with `decider` in it, else at debug",
        print,
    )
}];

fn print(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    call.guard()?;
    let values = args.rest();
    let decider = values
        .iter()
        .any(|value| value.as_str().is_some_and(|s| s.contains("decider")));
    let level = match decider {
        true => log::Level::Info,
        false => log::Level::Debug,
    };
    log::log!(target: "run-console", level, "{}", Value::Array(values.to_vec()));
    Ok(Reply::unit())
}
