//! Whether the machine can do what the manifest wants proven. Pure.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use basalt_manifest::{MIN_MEMORY, Prover as Settings, ProverMode};
use basalt_prover::capacity::need::Plan;
use basalt_prover::capacity::slot::Lanes;
use basalt_prover::randomx::Fluence;

use crate::cpu::topology;

/// Hashes that each thread of a machine makes at a time, by the physical core of each thread.
#[must_use]
pub fn lanes(cores: impl IntoIterator<Item = usize>) -> Lanes {
    let mut threads = BTreeMap::<usize, usize>::new();
    for core in cores {
        *threads.entry(core).or_default() += 1;
    }
    Lanes::for_threads(threads.into_values().max().unwrap_or(0))
}

/// Checks `settings` against a machine with `memory` usable bytes whose compute cores have the
/// local APIC identifiers `compute`, of which `thread_bits` low bits number the threads of a core.
///
/// # Errors
/// A sentence for the operator: more units than physical cores, or too little memory.
pub fn check(
    settings: &Settings,
    compute: &[u32],
    thread_bits: u32,
    memory: u64,
) -> Result<(), String> {
    if settings.mode == ProverMode::Off {
        return Ok(());
    }
    let cores = topology::physical_cores(compute, thread_bits);
    let count = cores.max().map_or(0, |last| last + 1);
    let units = settings.units.len();
    if units > count {
        return Err(format!(
            "section [prover]: {units} compute units need {units} physical compute cores, and the machine \
             has {count}: remove units"
        ));
    }
    let lanes = lanes(topology::physical_cores(compute, thread_bits));
    let plan = plan(settings, compute.len(), lanes);
    let have = memory.saturating_sub(MIN_MEMORY);
    plan.check::<Fluence>(have)
        .map_err(|error| format!("section [prover]: {error}"))
}

/// Bytes of memory that proving takes with so many threads.
#[must_use]
pub fn bytes(settings: &Settings, threads: usize, lanes: Lanes) -> u64 {
    match settings.mode {
        ProverMode::Off => 0,
        _ => plan(settings, threads, lanes).bytes::<Fluence>(),
    }
}

fn plan(settings: &Settings, threads: usize, lanes: Lanes) -> Plan {
    let units = settings.units.len();
    Plan {
        light: settings.mode == ProverMode::Light,
        datasets: settings.datasets.map_or(units, usize::from).min(units),
        threads,
        lanes: lanes.count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(units: u8, mode: ProverMode) -> Settings {
        Settings {
            mode,
            units: (0..units).map(|unit| [unit; 32]).collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn units_need_cores_and_memory() {
        const GIB: u64 = 1 << 30;
        let check = |units, mode, compute: &[u32], bits, memory| {
            check(&settings(units, mode), compute, bits, memory)
        };
        assert_eq!(check(9, ProverMode::Off, &[], 0, 0), Ok(()));
        let bytes = |mode| bytes(&settings(2, mode), 2, lanes([0, 1]));
        assert_eq!(bytes(ProverMode::Off), 0);
        assert!((GIB / 2..GIB).contains(&bytes(ProverMode::Light)));
        assert!((8 * GIB..9 * GIB).contains(&bytes(ProverMode::Fast)));
        assert_eq!(check(2, ProverMode::Light, &[1, 2], 0, GIB), Ok(()));
        assert_eq!(check(2, ProverMode::Fast, &[1, 2], 0, 10 * GIB), Ok(()));
        let said = check(2, ProverMode::Light, &[2, 3], 1, GIB).unwrap_err();
        assert!(
            said.contains("2 compute units") && said.contains("has 1"),
            "{said}"
        );
        let said = check(2, ProverMode::Fast, &[1, 2], 0, 8 * GIB).unwrap_err();
        assert!(
            said.ends_with("set the number of datasets to 1, the units then take turns"),
            "{said}"
        );
        let said = check(1, ProverMode::Fast, &[1], 0, GIB).unwrap_err();
        assert!(said.contains("not even one"), "{said}");
    }
}
