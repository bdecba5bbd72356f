//! Recorded behaviour of the reference host: modules from published crates and our own guests
//! against the recorded expectations.

#[path = "../examples/vectors/files.rs"]
mod files;
#[path = "support/modules.rs"]
mod modules;
#[path = "../examples/vectors/runner.rs"]
mod runner;

use std::path::{Path, PathBuf};

use files::json_files;
use runner::Runner;

/// Below this crate's folder.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn wasm(file: &str) -> Result<Vec<u8>, String> {
    modules::wasm(&here("."), file)
}

fn runner() -> Runner {
    Runner::new(Box::new(wasm))
}

fn repeat(rest: bool) {
    let mut runner = runner();
    runner.rest = rest;
    for path in json_files(&here("tests/vectors")) {
        let (stem, scenario) = files::read(&path);
        runner.scenario(&stem, &scenario);
    }
    assert!(runner.failures.is_empty(), "{}", runner.failures.join("\n"));
    assert!(runner.passed > 2_600, "only {} checks ran", runner.passed);
}

#[test]
fn recorded_scenarios_repeat() {
    repeat(false);
}

/// What rests between calls behaves as if it had not, down to pointers and lengths of memories.
#[test]
fn recorded_scenarios_repeat_with_rests() {
    repeat(true);
}

/// Needs some gigabytes of memory.
#[test]
#[ignore = "takes 4 GiB of memory while the guest's memory grows"]
fn addresses_beyond_2_gib_work() {
    let mut runner = runner();
    let (stem, scenario) = files::read(&here("tests/vectors/large/past_2gb.json"));
    runner.scenario(&stem, &scenario);
    assert!(runner.failures.is_empty(), "{}", runner.failures.join("\n"));
    assert_eq!(runner.passed, 11);
}

#[test]
fn interfaces_print_as_recorded() {
    let mut runner = runner();
    for path in json_files(&here("tests/vectors/interfaces")) {
        let (name, expected) = files::read(&path);
        runner.interface(&name, &expected);
    }
    assert!(runner.failures.is_empty(), "{}", runner.failures.join("\n"));
    assert_eq!(runner.passed, 6);
}

#[test]
fn a_module_without_sdk_version_is_refused() {
    let module = wasm("broken_sdk_none.wasm").unwrap();
    let error = basalt_wasm_host::ModuleStore::default()
        .load("m", "m", &module)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("the module doesn't contain section with '__fluence_sdk_version'")
    );
}
