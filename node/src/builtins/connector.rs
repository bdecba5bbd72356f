//! `connector` and `subnet`: deals on the chain.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::args::Args;
use super::row::{Builtin, on_rooms};
use crate::call::Call;
use crate::reply::{CallError, Reply};
use crate::rooms::Rooms;

/// The services that only a node with a chain has.
pub(super) const SERVICES: [&str; 2] = ["connector", "subnet"];

pub(super) const FUNCTIONS: &[Builtin] = &[
    on_rooms(
        "connector",
        "get_deals",
        "",
        "[]{success: bool, error: []string, deal_id: string, deal_info: [] or [{status, cu_ids: []string, app_cid: CID, onchain_worker_id: []u8}]}",
        "by the host alone: else `Only the root worker can call connector.get_deals`; there only when the manifest names a chain, as all of \
         these. status: INSUFFICIENT_FUNDS, ACTIVE, ENDED, NOT_ENOUGH_WORKERS or SMALL_BALANCE; deals with more than one worker here are \
         left out",
        get_deals,
    ),
    on_rooms(
        "connector",
        "register_worker",
        "deal_id: string, worker_id: string, onchain_worker_id: []u8",
        "hash of the transaction",
        "by the host alone; `Invalid onchain_worker_id: empty`",
        register_worker,
    ),
    on_rooms(
        "connector",
        "get_tx_receipts",
        "tx_hashes: []string",
        "[]{success: bool, error: []string, status: \"pending\", \"ok\", \"failed\" or \"\", receipt: [] or [{block_number, tx_hash}]}",
        "by the host alone",
        get_tx_receipts,
    ),
    on_rooms(
        "subnet",
        "resolve",
        "deal_id: string",
        "{success: bool, workers: []{cu_ids: []string, host_id, worker_id: [] or [string]}, error: []string}",
        "worker_id is there once the worker is registered; `Invalid deal id '<d>': invalid length` in `error`",
        resolve,
    ),
];

/// Refuses scripts of anyone but the host itself.
fn root_only(call: &Call<'_>) -> Result<(), CallError> {
    match call.particle.init_peer_id == call.host.peer_id {
        true => Ok(()),
        false => Err(CallError::text(format!(
            "Only the root worker can call connector.{}",
            call.request.function_name()
        ))),
    }
}

fn get_deals(rooms: &mut Rooms, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    root_only(call)?;
    rooms.chain()?.get_deals(call)
}

fn register_worker(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    root_only(call)?;
    let deal: String = args.next("deal_id")?;
    let worker: String = args.next("worker_id")?;
    let onchain: Vec<u8> = args.next("onchain_worker_id")?;
    rooms
        .chain()?
        .register_worker(call, &deal, &worker, &onchain)
}

fn get_tx_receipts(
    rooms: &mut Rooms,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    root_only(call)?;
    let hashes: Vec<String> = args.next("tx_hashes")?;
    rooms.chain()?.get_receipts(call, &hashes)
}

fn resolve(rooms: &mut Rooms, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    rooms.chain()?.resolve_subnet(call, &deal)
}
