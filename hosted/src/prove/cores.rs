//! Pinning threads to cores.
//!
//! A thread that moves loses its scratchpad in the caches, and two on one hardware thread halve
//! each other.

use anyhow::{Context, Result, ensure};
use basalt_prover::capacity::CoreId;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::collections::BTreeMap;
use std::fs;

/// Where Linux describes the processors.
const CPUS: &str = "/sys/devices/system/cpu";

/// Pins the calling thread, which is worker `number` of a physical core, to one of the core's
/// hardware threads in turn.
///
/// # Errors
///
/// If the core does not exist here or the system refuses.
pub(super) fn pin(core: CoreId, number: usize) -> Result<()> {
    let threads = threads_of(core)?;
    pin_to(threads[number % threads.len()])
}

/// Pins the calling thread to the `number`th hardware thread in an order that uses every physical
/// core once before any twice.
///
/// # Errors
///
/// If the system refuses.
pub(super) fn pin_spread(number: usize) -> Result<()> {
    let cores = physical_cores()?;
    let rounds = cores.values().map(Vec::len).max().unwrap_or(0);
    let mut order: Vec<&usize> = Vec::new();
    for round in 0..rounds {
        order.extend(cores.values().filter_map(|threads| threads.get(round)));
    }
    ensure!(!order.is_empty(), "{CPUS} names no cores");
    pin_to(*order[number % order.len()])
}

/// How many hardware threads a physical core has; one if the system does not say.
pub(super) fn threads(core: CoreId) -> usize {
    threads_of(core).map_or(1, |threads| threads.len().max(1))
}

fn threads_of(core: CoreId) -> Result<Vec<usize>> {
    let cores = physical_cores()?;
    let count = cores.len();
    let threads = cores.into_values().nth(core.0 as usize);
    threads.with_context(|| {
        format!(
            "there is no core {}: {count} physical cores are numbered from 0",
            core.0
        )
    })
}

/// Logical processors by physical core: in the order of their first ones, as hwloc numbers them.
fn physical_cores() -> Result<BTreeMap<usize, Vec<usize>>> {
    let mut cores: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for entry in fs::read_dir(CPUS).with_context(|| format!("cannot read {CPUS}"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix("cpu")?.parse().ok());
        let siblings = fs::read_to_string(path.join("topology/thread_siblings_list"));
        if let (Some(number), Ok(siblings)) = (number, siblings) {
            // "0,4", "0-1" or "3": the first is the smallest.
            let digits = siblings.split(|c: char| !c.is_ascii_digit()).next();
            let first = digits.and_then(|text| text.parse().ok()).unwrap_or(number);
            cores.entry(first).or_default().push(number);
        }
    }
    cores
        .values_mut()
        .for_each(|threads| threads.sort_unstable());
    Ok(cores)
}

fn pin_to(processor: usize) -> Result<()> {
    let mut only = CpuSet::new();
    ensure!(
        processor < CpuSet::MAX_CPU,
        "processor {processor} cannot be pinned to: {} is the last",
        CpuSet::MAX_CPU - 1
    );
    only.set(processor);
    sched_setaffinity(None, &only)
        .with_context(|| format!("the system does not allow processor {processor}"))
}
