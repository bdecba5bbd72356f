//! `vault`: files of the particle.

use alloc::string::String;

use super::{Args, Builtin, Call, CallError, Reply, worldly};
use crate::vault::Error;
use crate::world::World;

pub(super) const FUNCTIONS: &[Builtin] = &[
    worldly(
        "vault",
        "put",
        "data: string",
        "path `/tmp/vault/<particle id>-<token>/<uuid>`",
        "any caller; ids of particles with `/` or more than 150 bytes have no vault",
        put,
    ),
    worldly(
        "vault",
        "cat",
        "path: string",
        "string",
        "a path as `put` gives it, or relative to the particle's vault; `Incorrect vault path ..`, `Error reading vault file ..`",
        cat,
    ),
];

fn put(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let data: String = args.next("data")?;
    let file = world.entropy.uuid();
    let token = call.host.token(call.particle);
    let path = world
        .vaults
        .put(&call.scope, call.particle, &token, &file, data.as_bytes())
        .map_err(CallError::from_error)?;
    Ok(path.into())
}

fn cat(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let path: String = args.next("path")?;
    let bytes = world.vault_file(call, &path)?;
    let text = String::from_utf8(bytes).map_err(|_| CallError::from_error(Error::NotText(path)))?;
    Ok(text.into())
}

impl World {
    /// A file of the script's vault.
    pub(super) fn vault_file(
        &mut self,
        call: &Call<'_>,
        path: &str,
    ) -> Result<alloc::vec::Vec<u8>, CallError> {
        let token = call.host.token(call.particle);
        self.vaults
            .read(&call.scope, call.particle, &token, path)
            .map_err(CallError::from_error)
    }
}
