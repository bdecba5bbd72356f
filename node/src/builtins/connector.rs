//! `connector` and `subnet`: deals on the chain.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Args, Builtin, Call, CallError, Reply, worldly};
use crate::world::World;

/// The services that only a node with a chain has.
pub(super) const SERVICES: [&str; 2] = ["connector", "subnet"];

pub(super) const FUNCTIONS: &[Builtin] = &[
    worldly(
        "connector",
        "get_deals",
        "",
        "[]{success: bool, error: []string, deal_id: string, deal_info: [] or [{status, cu_ids: []string, app_cid: CID, onchain_worker_id: []u8}]}",
        "by the host alone: else `Only the root worker can call connector.get_deals`; there only when the manifest names a chain, as all of \
         these. status: INSUFFICIENT_FUNDS, ACTIVE, ENDED, NOT_ENOUGH_WORKERS or SMALL_BALANCE; deals with more than one worker here are \
         left out",
        get_deals,
    ),
    worldly(
        "connector",
        "register_worker",
        "deal_id: string, worker_id: string, onchain_worker_id: []u8",
        "hash of the transaction",
        "by the host alone; `Invalid onchain_worker_id: empty`",
        register_worker,
    ),
    worldly(
        "connector",
        "get_tx_receipts",
        "tx_hashes: []string",
        "[]{success: bool, error: []string, status: \"pending\", \"ok\", \"failed\" or \"\", receipt: [] or [{block_number, tx_hash}]}",
        "by the host alone",
        get_tx_receipts,
    ),
    worldly(
        "subnet",
        "resolve",
        "deal_id: string",
        "{success: bool, workers: []{cu_ids: []string, host_id, worker_id: [] or [string]}, error: []string}",
        "worker_id is there once the worker is registered; `Invalid deal id '<d>': invalid length` in `error`",
        resolve,
    ),
];

/// Refuses scripts of anyone but the host itself.
fn root_only(world: &World, call: &Call<'_>) -> Result<(), CallError> {
    match call.particle.init_peer_id == world.host().peer_id {
        true => Ok(()),
        false => Err(CallError::text(format!(
            "Only the root worker can call connector.{}",
            call.request.function_name()
        ))),
    }
}

fn get_deals(world: &mut World, call: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    root_only(world, call)?;
    world.get_deals(call)
}

fn register_worker(
    world: &mut World,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    root_only(world, call)?;
    let deal: String = args.next("deal_id")?;
    let worker: String = args.next("worker_id")?;
    let onchain: Vec<u8> = args.next("onchain_worker_id")?;
    world.register_worker(call, &deal, &worker, &onchain)
}

fn get_tx_receipts(
    world: &mut World,
    call: &Call<'_>,
    args: &mut Args<'_>,
) -> Result<Reply, CallError> {
    root_only(world, call)?;
    let hashes: Vec<String> = args.next("tx_hashes")?;
    world.get_receipts(call, &hashes)
}

fn resolve(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    world.resolve_subnet(call, &deal)
}
