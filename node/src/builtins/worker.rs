//! `worker`: workers and their deals.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::args::Args;
use super::row::{Builtin, on_rooms};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;
use crate::workers::normal_deal;

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "worker",
        "create",
        "deal_id: string, cu_ids: []string (64 hex digits)",
        "worker id",
        "by host or operator: else `Only management or host peer can create worker`; `Worker for <deal> already exists`; \
         `Failed to allocate cores for ..`",
        create,
    ),
    on_rooms(
        "worker",
        "get_worker_id",
        "deal_id: string",
        "[] or [worker id]",
        "",
        get_worker_id,
    ),
    on_rooms(
        "worker",
        "remove",
        "worker_id: string",
        "\"\"",
        "by creator, host or operator; with its spells, services and key. `Worker <id> not found`",
        remove,
    ),
    on_rooms("worker", "list", "", "[]worker id", "", list),
    on_rooms(
        "worker",
        "activate",
        "deal_id: string",
        "\"\"",
        "by host or operator; `Deal has already been activated`. Subscribes the alias `worker-spell` again, from now on every 900 s",
        activate,
    ),
    on_rooms(
        "worker",
        "deactivate",
        "deal_id: string",
        "\"\"",
        "by host or operator; `Deal has already been deactivated`. Gives all its spells the empty configuration",
        deactivate,
    ),
    on_rooms(
        "worker",
        "is_active",
        "deal_id: string",
        "bool",
        "`Worker for deal_id <d> not found`",
        is_active,
    ),
];

fn create(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    let cu_ids: Vec<String> = args.next("cu_ids")?;
    rooms.create_worker(call, deal, cu_ids)
}

fn get_worker_id(rooms: &mut Rooms, _: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    let id = rooms.host().workers.of_deal(&normal_deal(&deal)?);
    let found: Vec<String> = id.iter().map(ToString::to_string).collect();
    Ok(found.into())
}

fn remove(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let id: String = args.next("worker_id")?;
    rooms.remove_worker(call, id)
}

fn list(rooms: &mut Rooms, _: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let ids = rooms.host().workers.ids().map(ToString::to_string);
    Ok(ids.collect::<Vec<String>>().into())
}

fn activate(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    rooms.switch_worker(call, deal, true)
}

fn deactivate(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    rooms.switch_worker(call, deal, false)
}

fn is_active(rooms: &mut Rooms, _: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    Ok(rooms.host().workers.serving(&deal)?.1.active.into())
}
