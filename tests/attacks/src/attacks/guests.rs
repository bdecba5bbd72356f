//! Services of strangers.

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::module::{BRANCH, Body, FILL, GROW_MEMORY, GROW_PAGE, GROW_TABLE, module};
use super::text::call;
use crate::attack::Attack;
use crate::author::in_parallel;
use crate::stage::Stage;

/// MiB of a service that takes all it gets, and of what it leaves to others.
const SERVICE: usize = 512;

pub(super) const ATTACKS: &[Attack] = &[
    Attack::new(
        "refused-memory",
        "growths of its memory that a guest is refused",
        [200_000, 1_000_000],
        |stage| repeat(stage, "refused-memory", GROW_MEMORY),
    ),
    Attack::new(
        "refused-table",
        "growths of its table that a guest is refused",
        [200_000, 1_000_000],
        |stage| repeat(stage, "refused-table", GROW_TABLE),
    ),
    Attack::new(
        "branching-guest",
        "branches by a table, with a value, in a guest",
        [200_000, 1_000_000],
        |stage| repeat(stage, "branching-guest", BRANCH),
    ),
    Attack::new(
        "hungry-guest",
        "calls of a guest that takes page after page without end",
        [2, 8],
        |stage| alone(stage, "hungry-guest", Body::Endless(GROW_PAGE)),
    )
    .budget(SERVICE)
    .counted(&["call_time", "service_memory"]),
    Attack::new(
        "endless-guest",
        "calls of a guest that never returns",
        [4, 16],
        |stage| alone(stage, "endless-guest", Body::Endless(&[])),
    )
    .counted(&["call_time"]),
    Attack::new(
        "filling-guest",
        "calls of a guest that fills its memory without end",
        [2, 8],
        |stage| alone(stage, "filling-guest", Body::Endless(FILL)),
    )
    .counted(&["call_time"]),
    Attack::new(
        "recursive-guest",
        "calls of a guest that calls itself without end",
        [50, 1_000],
        |stage| alone(stage, "recursive-guest", Body::Recursive),
    ),
    Attack::new(
        "adapter-chain",
        "calls of the last of six modules, each of which calls the one before a hundred times",
        [2, 8],
        adapter_chain,
    )
    .counted(&["call_time"]),
    Attack::new(
        "queued-calls",
        "calls of one service in one run",
        [3_000, 50_000],
        |stage| alone(stage, "queued-calls", Body::Empty),
    )
    .counted(&["service_queue_full", "jobs_full", "run_budget"]),
];

fn repeat(stage: &mut Stage<'_>, alias: &str, what: &'static [u8]) -> Result<()> {
    let times = u32::try_from(stage.size)?;
    stage.size = 1;
    alone(stage, alias, Body::Repeat { times, what })
}

/// Calls a service of one module as often as the stage says.
fn alone(stage: &mut Stage<'_>, alias: &str, body: Body) -> Result<()> {
    install_modules(stage, &[(alias, &module(body, None))], alias)?;
    calls(stage, alias)
}

fn adapter_chain(stage: &mut Stage<'_>) -> Result<()> {
    let names: Vec<String> = (0..6).map(|number| format!("chain{number}")).collect();
    let modules: Vec<Vec<u8>> = (0..6)
        .map(|number: usize| {
            let before = number
                .checked_sub(1)
                .map(|before| (names[before].as_str(), 100));
            module(Body::Empty, before)
        })
        .collect();
    let modules: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&modules)
        .map(|(name, module)| (name.as_str(), module.as_slice()))
        .collect();
    install_modules(stage, &modules, "adapter-chain")?;
    calls(stage, "adapter-chain")
}

fn calls(stage: &mut Stage<'_>, alias: &str) -> Result<()> {
    let peer = stage.peer();
    let function = format!("{alias}.f");
    let calls: Vec<String> = (0..stage.size)
        .map(|_| format!("(xor {} (null))", call(&peer, &function, "", "")))
        .collect();
    // A call ends with its particle.
    stage.time = Stage::life_of_calls(stage.time);
    stage.script(&in_parallel(&calls))
}

/// Lets the operator install one of the guests that the tests of services have, under an alias.
pub(super) fn install(stage: &Stage<'_>, guest: &str, alias: &str) -> Result<()> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../wasm-host/tests/guests/wasm"
    );
    let module = std::fs::read(format!("{folder}/{guest}.wasm"))?;
    install_modules(stage, &[(guest, &module)], alias)
}

/// Lets the operator install a service of modules; the last one is its face.
pub(super) fn install_modules(
    stage: &Stage<'_>,
    modules: &[(&str, &[u8])],
    alias: &str,
) -> Result<()> {
    let peer = stage.peer();
    let mut operator = stage.operator()?;
    let known = call(
        &peer,
        "srv.resolve_alias_opt",
        &format!("\"{alias}\""),
        "known",
    );
    let known = operator.ask(&[known], "known")?;
    if known
        .first()
        .is_some_and(|known| known.as_array().is_some_and(|ids| !ids.is_empty()))
    {
        return Ok(());
    }
    let mut steps = Vec::new();
    let mut names = String::new();
    for (number, (name, module)) in modules.iter().enumerate() {
        let module = BASE64_STANDARD.encode(module);
        let config = format!("config{number}");
        steps.push(call(
            &peer,
            "dist.default_module_config",
            &format!("\"{name}\""),
            &config,
        ));
        let add = format!("\"{module}\" {config}");
        steps.push(call(&peer, "dist.add_module", &add, &format!("m{number}")));
        names += &format!("m{number} ");
    }
    steps.push(call(&peer, "op.array", &names, "modules"));
    let recipe = format!("\"{alias}\" modules");
    steps.push(call(&peer, "dist.make_blueprint", &recipe, "recipe"));
    steps.push(call(&peer, "dist.add_blueprint", "recipe", "blueprint"));
    steps.push(call(&peer, "srv.create", "blueprint", "service"));
    let named = format!("\"{alias}\" service");
    steps.push(call(&peer, "srv.add_alias", &named, ""));
    operator
        .ask(&steps, "")
        .context("the guest is not installed")?;
    Ok(())
}
