//! `worker`: workers and their deals.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Args, Builtin, Call, CallError, Reply, worldly};
use crate::spells::{Clock, Config};
use crate::workers::normal_deal;
use crate::world::World;

pub(super) const FUNCTIONS: &[Builtin] = &[
    worldly(
        "worker",
        "create",
        "deal_id: string, cu_ids: []string (64 hex digits)",
        "worker id",
        "by host or management: else `Only management or host peer can create worker`; `Worker for <deal> already exists`; \
         `Failed to allocate cores for ..`",
        create,
    ),
    worldly(
        "worker",
        "get_worker_id",
        "deal_id: string",
        "[] or [worker id]",
        "",
        get_worker_id,
    ),
    worldly(
        "worker",
        "remove",
        "worker_id: string",
        "\"\"",
        "by creator, host or management; with its spells, services and key. `Worker <id> not found`",
        remove,
    ),
    worldly("worker", "list", "", "[]worker id", "", list),
    worldly(
        "worker",
        "activate",
        "deal_id: string",
        "\"\"",
        "by host or management; `Deal has already been activated`. Subscribes the alias `worker-spell` again, from now on every 900 s",
        activate,
    ),
    worldly(
        "worker",
        "deactivate",
        "deal_id: string",
        "\"\"",
        "by host or management; `Deal has already been deactivated`. Gives all its spells the empty configuration",
        deactivate,
    ),
    worldly(
        "worker",
        "is_active",
        "deal_id: string",
        "bool",
        "`Worker for deal_id <d> not found`",
        is_active,
    ),
];

/// Seconds between runs of a worker's main spell.
const WORKER_PERIOD: u32 = 900;

fn create(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    let cu_ids: Vec<String> = args.next("cu_ids")?;
    let id = world.create_worker(call.particle.init_peer_id, &deal, cu_ids)?;
    Ok(id.to_string().into())
}

fn get_worker_id(world: &mut World, _: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    let id = world.host().workers.of_deal(&normal_deal(&deal)?);
    let found: Vec<String> = id.iter().map(ToString::to_string).collect();
    Ok(found.into())
}

fn remove(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let id: String = args.next("worker_id")?;
    world.remove_worker(call.particle.init_peer_id, &id)?;
    Ok(Reply::unit())
}

fn list(world: &mut World, _: &Call<'_>, _: &mut Args<'_>) -> Result<Reply, CallError> {
    let ids = world.host().workers.ids().map(ToString::to_string);
    Ok(ids.collect::<Vec<String>>().into())
}

fn activate(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    let id = world.set_worker_active(call.particle.init_peer_id, &deal, true)?;
    let spell = world.services.alias(&id, "worker-spell").cloned();
    if let Some(spell) = spell {
        let config = Config {
            clock: Clock {
                start: 1,
                end: 0,
                period: WORKER_PERIOD,
            },
            ..Config::default()
        };
        return world.configure_spell(call.clock, world.until(call), &spell, config);
    }
    Ok(Reply::unit())
}

fn deactivate(world: &mut World, call: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    let id = world.set_worker_active(call.particle.init_peer_id, &deal, false)?;
    let until = world.until(call);
    for spell in world.spells_of(&id) {
        world.unsubscribe(&spell);
        // What it stores itself follows; it does not run any more in any case.
        if let Err(error) = world.configure_spell(call.clock, until, &spell, Config::default()) {
            log::warn!(target: "spell", "{spell} keeps its configuration: {}", error.message());
        }
    }
    Ok(Reply::unit())
}

fn is_active(world: &mut World, _: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let deal: String = args.next("deal_id")?;
    Ok(world.worker_of(&deal)?.1.active.into())
}
