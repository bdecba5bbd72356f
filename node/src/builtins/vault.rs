//! `vault`: files of the particle.

use alloc::string::String;

use super::args::Args;
use super::row::{Builtin, on_rooms};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;
use crate::vault::Error;

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "vault",
        "put",
        "data: string",
        "path `/tmp/vault/<particle id>-<token>/<uuid>`",
        "any caller; ids of particles with `/` or more than 150 bytes have no vault",
        put,
    ),
    on_rooms(
        "vault",
        "cat",
        "path: string",
        "string",
        "a path as `put` gives it, or relative to the particle's vault; `Incorrect vault path ..`, `Error reading vault file ..`",
        cat,
    ),
];

fn put(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let data: String = args.next("data")?;
    Ok(rooms.put_in_vault(call, data.as_bytes())?.into())
}

fn cat(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let path: String = args.next("path")?;
    let bytes = rooms.vault_file(call, &path)?;
    let text = String::from_utf8(bytes).map_err(|_| CallError::from_error(Error::NotText(path)))?;
    Ok(text.into())
}
