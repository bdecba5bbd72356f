//! `debug`: values as text.

use alloc::string::String;

use serde_json::Value;

use super::args::Args;
use super::ordered::text_of;
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[row(
    "debug",
    "stringify",
    "any n",
    "string",
    "JSON text of the single argument, of the array of several, or `\"<empty argument list>\"` with the quotes",
    stringify,
)];

fn stringify(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let text = match args.rest() {
        [] => String::from("\"<empty argument list>\""),
        [value] => text_of(value),
        several => text_of(&Value::Array(several.to_vec())),
    };
    Ok(text.into())
}
