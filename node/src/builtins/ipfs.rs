//! `aqua-ipfs`: files by CID.

use alloc::string::String;

use serde::de::IgnoredAny;
use serde_json::json;

use super::args::Args;
use super::row::{Access, Builtin, on_rooms};
use crate::call::Call;
use crate::ipfs::dag::Form;
use crate::ipfs::{self, Added, Target};
use crate::refusal::Refusal;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;

const ADDRESS: &str = "{success: bool, error: string, multiaddr: string}";
const UNIT: &str = "{success: bool, error: string}";
const CONTENTS: &str = "{success: bool, error: string, contents: string}";
const PATH: &str = "{success: bool, error: string, path: string}";
const HASH: &str = "{success: bool, error: string, hash: string}";

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "aqua-ipfs",
        "cat",
        "hash: CID",
        CONTENTS,
        "from the local API; text only",
        cat,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "cat_from",
        "hash: CID, api: multiaddr",
        CONTENTS,
        "hash is a CID or a path; every block is checked against its CID; at most 64 MiB",
        cat_from,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "get",
        "hash: CID",
        PATH,
        "into the particle's vault",
        get,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "get_from",
        "hash: CID, api: multiaddr",
        PATH,
        "",
        get_from,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "dag_get",
        "hash: CID",
        PATH,
        "the node as DAG-JSON, into the particle's vault",
        dag_get,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "dag_get_from",
        "hash: CID, api: multiaddr",
        PATH,
        "dag-cbor, dag-json, cbor, json, dag-pb and raw",
        dag_get_from,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "put",
        "file_path: string in the vault",
        HASH,
        "to the local API, pinned there",
        put,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "dag_put",
        "file_path: string in the vault",
        HASH,
        "the file is DAG-JSON; a dag-cbor node goes to the local API, pinned there",
        dag_put,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "connect",
        "multiaddr: string",
        UNIT,
        "always refused: there is no IPFS node in this machine that could connect",
        connect,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "set_local_api_multiaddr",
        "multiaddr: string",
        UNIT,
        "until the node starts again",
        set_local,
    )
    .open_to(Access::Protected),
    on_rooms(
        "aqua-ipfs",
        "set_external_api_multiaddr",
        "multiaddr: string",
        UNIT,
        "until the node starts again",
        set_external,
    )
    .open_to(Access::Protected),
    on_rooms(
        "aqua-ipfs",
        "set_external_swarm_multiaddr",
        "multiaddr: string",
        UNIT,
        "until the node starts again",
        set_swarm,
    )
    .open_to(Access::Protected),
    on_rooms(
        "aqua-ipfs",
        "get_local_api_multiaddr",
        "",
        ADDRESS,
        "",
        get_local,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "get_external_api_multiaddr",
        "",
        ADDRESS,
        "",
        get_external,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "get_external_swarm_multiaddr",
        "",
        ADDRESS,
        "",
        get_swarm,
    )
    .open_to(Access::ProtectedScope),
    on_rooms(
        "aqua-ipfs",
        "set_timeout",
        "seconds: u64",
        "\"\"",
        "120 at most",
        set_timeout,
    )
    .open_to(Access::Protected),
];

/// Refuses a call that fetches or adds a file for somebody who may not, and counts it.
fn guard_files(rooms: &mut Rooms, call: &Call<'_>) -> Result<(), CallError> {
    call.guard_scope()
        .inspect_err(|_| rooms.count(Refusal::FileRefused))
}

impl Call<'_> {
    /// Refuses a call that opens connections for somebody who is not the scope's own: on the host
    /// for all but host and operator, on a worker for all but its creator, itself and the operator.
    fn guard_scope(&self) -> Result<(), CallError> {
        let author = &self.particle.init_peer_id;
        if self.scope == self.host.peer_id {
            return self.guard();
        }
        match self.host.may_name(author, &self.scope) {
            true => Ok(()),
            false => Err(CallError::text(
                "This function is only available to the worker, its creator and the operator",
            )),
        }
    }
}

fn contents_of(
    rooms: &mut Rooms,
    call: &Call<'_>,
    hash: &str,
    api: &str,
) -> Result<Reply, CallError> {
    guard_files(rooms, call)?;
    Ok(rooms.fetch_file(call, (hash, Form::File), api, Target::Contents))
}

fn path_of(
    rooms: &mut Rooms,
    call: &Call<'_>,
    what: (&str, Form),
    api: &str,
) -> Result<Reply, CallError> {
    guard_files(rooms, call)?;
    let target = Target::Vault {
        scope: call.scope,
        particle: call.particle.clone(),
    };
    Ok(rooms.fetch_file(call, what, api, target))
}

fn cat(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let hash: String = args.next("hash")?;
    let api = rooms.ipfs.local.clone();
    contents_of(rooms, call, &hash, &api)
}

fn cat_from(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let hash: String = args.next("hash")?;
    let api: String = args.next("api")?;
    contents_of(rooms, call, &hash, &api)
}

fn get(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let hash: String = args.next("hash")?;
    let api = rooms.ipfs.local.clone();
    path_of(rooms, call, (&hash, Form::File), &api)
}

fn get_from(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let hash: String = args.next("hash")?;
    let api: String = args.next("api")?;
    path_of(rooms, call, (&hash, Form::File), &api)
}

fn dag_get(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let hash: String = args.next("hash")?;
    let api = rooms.ipfs.local.clone();
    path_of(rooms, call, (&hash, Form::Json), &api)
}

fn dag_get_from(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let hash: String = args.next("hash")?;
    let api: String = args.next("api")?;
    path_of(rooms, call, (&hash, Form::Json), &api)
}

fn add(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
    added: Added,
) -> Result<Reply, CallError> {
    let path: String = args.next("file_path")?;
    guard_files(rooms, call)?;
    let bytes = rooms.vault_file(call, &path)?;
    if added == Added::Node && serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
        return Ok(ipfs::failed("hash", "the file is no JSON"));
    }
    Ok(rooms.put_file(call, added, bytes))
}

fn put(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    add(rooms, call, args, Added::File)
}

fn dag_put(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    add(rooms, call, args, Added::Node)
}

fn connect(_: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let _: String = args.next("multiaddr")?;
    call.guard_scope()?;
    let error = "this machine has no IPFS node of its own that could connect";
    Ok(json!({ "success": false, "error": error }).into())
}

/// The next argument, an address to keep; only host and operator may change addresses.
fn address(call: &Call<'_>, args: &mut Args<'_>) -> Result<String, CallError> {
    let text: String = args.next("multiaddr")?;
    call.guard()?;
    Ok(text)
}

/// Keeps an address that can be one.
fn set(slot: &mut String, text: String) -> Reply {
    match ipfs::server(&text) {
        Ok(_) => {
            *slot = text;
            json!({ "success": true, "error": "" }).into()
        }
        Err(error) => json!({ "success": false, "error": error }).into(),
    }
}

fn set_local(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(set(&mut rooms.ipfs.local, address(call, args)?))
}

fn set_external(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    Ok(set(&mut rooms.ipfs.external, address(call, args)?))
}

fn set_swarm(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    Ok(set(&mut rooms.ipfs.swarm, address(call, args)?))
}

fn get_local(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    call.guard_scope()?;
    Ok(ipfs::succeeded("multiaddr", rooms.ipfs.local.clone()))
}

fn get_external(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    call.guard_scope()?;
    Ok(ipfs::succeeded("multiaddr", rooms.ipfs.external.clone()))
}

fn get_swarm(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    call.guard_scope()?;
    Ok(ipfs::succeeded("multiaddr", rooms.ipfs.swarm.clone()))
}

fn set_timeout(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    let seconds: u64 = args.next("seconds")?;
    call.guard()?;
    rooms.ipfs.seconds = seconds;
    Ok(Reply::unit())
}
