//! Recorded behaviour of the reference host: modules from published crates and our own guests
//! against the recorded expectations.

#[path = "../examples/vectors/runner.rs"]
mod runner;

use std::path::{Path, PathBuf};

use runner::{Runner, json_files};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path)
}

/// Distro modules come from their crates, the rest from `guests/wasm`; the broken ones are made
/// from `chain_a`.
fn wasm(file: &str) -> std::io::Result<Vec<u8>> {
    let chain_a = || std::fs::read(here("guests/wasm/chain_a.wasm"));
    match file {
        "sqlite3.wasm" => Ok(fluence_spell_distro::SQLITE_WASM.to_vec()),
        "spell.wasm" => Ok(fluence_spell_distro::SPELL_WASM.to_vec()),
        "registry.wasm" => Ok(registry_distro::REGISTRY_WASM.to_vec()),
        "trust-graph.wasm" => Ok(trust_graph_distro::TRUST_GRAPH_WASM.to_vec()),
        "broken_interface_none.wasm" => Ok(without_section(&chain_a()?, "interface-types")),
        "broken_sdk_none.wasm" => Ok(without_section(&chain_a()?, "__fluence_sdk_version")),
        "broken_sdk_old.wasm" => {
            let mut bytes = without_section(&chain_a()?, "__fluence_sdk_version");
            bytes.extend_from_slice(&custom_section("__fluence_sdk_version", b"0.5.9"));
            Ok(bytes)
        }
        file => std::fs::read(here("guests/wasm").join(file)),
    }
}

fn custom_section(name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = vec![name.len() as u8];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(content);
    let mut section = vec![0, body.len() as u8];
    section.append(&mut body);
    section
}

/// The module without its custom sections of this name.
fn without_section(wasm: &[u8], name: &str) -> Vec<u8> {
    let mut kept = wasm[..8].to_vec();
    let mut at = 8;
    while at < wasm.len() {
        let (mut len, mut body) = (0, at + 1);
        for shift in (0..).step_by(7) {
            len |= usize::from(wasm[body] & 0x7f) << shift;
            body += 1;
            if wasm[body - 1] & 0x80 == 0 {
                break;
            }
        }
        let named = wasm[at] == 0 && wasm[body + 1..].starts_with(name.as_bytes());
        if !named {
            kept.extend_from_slice(&wasm[at..body + len]);
        }
        at = body + len;
    }
    kept
}

fn repeat(rest: bool) {
    let mut runner = Runner::new(Box::new(wasm));
    runner.rest = rest;
    json_files(&here("vectors"))
        .iter()
        .for_each(|path| runner.scenario(path));
    assert!(runner.failures.is_empty(), "{}", runner.failures.join("\n"));
    assert!(runner.passed > 680, "only {} checks ran", runner.passed);
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
    let mut runner = Runner::new(Box::new(wasm));
    runner.scenario(&here("vectors/large/past_2gb.json"));
    assert!(runner.failures.is_empty(), "{}", runner.failures.join("\n"));
    assert_eq!(runner.passed, 11);
}

#[test]
fn interfaces_print_as_recorded() {
    let mut runner = Runner::new(Box::new(wasm));
    json_files(&here("vectors/interfaces"))
        .iter()
        .for_each(|path| runner.interface(path));
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
