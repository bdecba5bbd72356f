//! `sig`: signing with the key of the peer in whose name the script runs.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::keypair::Keypair;
use basalt_net::peer_id::PeerId;
use serde_json::json;

use super::args::Args;
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::script::Tetraplet;

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "sig",
        "sign",
        "data: []u8",
        "{success: bool, error: []string or [string], signature: [] or [[]u8]}",
        "the script must be the scope's own, or the operator's on the host: else `peer '<p>' is not allowed to sign data on '<q>'`; \
         data must be a whole result of `registry.get_record_bytes` or `registry.get_record_metadata_bytes` on this host: \
         else a call error. Data that is missing or no bytes is told in `error`",
        sign,
    ),
    row(
        "sig",
        "verify",
        "signature: []u8, data: []u8",
        "bool",
        "with the key of the current scope; false for a malformed signature",
        verify,
    ),
    row(
        "sig",
        "get_peer_id",
        "",
        "peer id of the current scope",
        "",
        get_peer_id,
    ),
];

/// The key of the scope. A script runs only in scopes of this host, so there is one.
fn key<'a>(call: &'a Call<'_>) -> Result<&'a Keypair, CallError> {
    let key = call.host.key(&call.scope);
    key.ok_or_else(|| CallError::text("the worker of this scope was removed"))
}

/// Where data that may be signed comes from.
const SIGNED_SERVICE: &str = "registry";
const SIGNED_FUNCTIONS: [&str; 2] = ["get_record_bytes", "get_record_metadata_bytes"];

fn sign(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let author = call.particle.init_peer_id;
    let own = author == call.scope;
    let managed = call.scope == call.host.peer_id && call.host.is_operator(&author);
    if !own && !managed {
        return Err(CallError::text(format!(
            "peer '{author}' is not allowed to sign data on '{}'",
            call.scope
        )));
    }
    let origin = check_origin(call)?;
    let refused = |error: String| json!({ "success": false, "error": [error], "signature": [] });
    let answer = match origin.peer_pk.parse::<PeerId>() {
        Err(error) => refused(error.to_string()),
        Ok(peer) if !call.host.is_local(&peer) => {
            return Err(CallError::text(format!(
                "data is expected to be produced on this host, but it came from '{peer}'"
            )));
        }
        Ok(_) => match args.next::<Vec<u8>>("data") {
            Err(error) => refused(error.message().to_string()),
            Ok(data) => {
                let signature = key(call)?.sign(&data).to_vec();
                json!({ "success": true, "error": [], "signature": [signature] })
            }
        },
    };
    Ok(answer.into())
}

/// The one origin of the first argument, which must be a function whose results may be signed.
fn check_origin<'a>(call: &'a Call<'_>) -> Result<Tetraplet<'a>, CallError> {
    let origins = call.request.tetraplets().next();
    let (Some(origin), None) = origins.map_or((None, None), |mut all| (all.next(), all.next()))
    else {
        return Err(CallError::text(
            "expected exactly one tetraplet of the argument 'data': it must be a scalar",
        ));
    };
    let allowed =
        origin.service_id == SIGNED_SERVICE && SIGNED_FUNCTIONS.contains(&origin.function_name);
    if !allowed {
        return Err(CallError::text(format!(
            "data is expected to result from a call to {SIGNED_SERVICE}.{} or {SIGNED_SERVICE}.{}, was from '{}.{}'",
            SIGNED_FUNCTIONS[0], SIGNED_FUNCTIONS[1], origin.service_id, origin.function_name
        )));
    }
    if !origin.lens.is_empty() {
        return Err(CallError::text(format!(
            "lens is expected to be empty, was '{}'",
            origin.lens
        )));
    }
    Ok(origin)
}

fn verify(call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let signature: Vec<u8> = args.next("signature")?;
    let data: Vec<u8> = args.next("data")?;
    Ok(key(call)?.public().verify(&data, &signature).is_ok().into())
}

fn get_peer_id(call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(call.scope.to_string().into())
}
