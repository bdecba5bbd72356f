//! The vectors that stand in the workspace.

#[path = "../../wasm-host/tests/support/modules.rs"]
mod modules;
#[path = "../../wasm-host/tests/support/operators.rs"]
mod operators;

use std::fs;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use basalt_distro::File;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{Files, MODULES, OPERATORS};
use operators::{CLOSED, MANY, OPEN, growths, many, repeating, some};

/// Where the vectors of each kind lie, and where the keys of the recorded cases, which are none.
const FOLDERS: [(&str, &str); 4] = [
    ("air/", "air/tests/vectors/cases"),
    ("marine/", "wasm-host/tests/vectors"),
    ("interfaces/", "wasm-host/tests/vectors/interfaces"),
    ("randomx/", "prover/tests/vectors"),
];
const NO_VECTOR: &str = "keys.json";
/// Repetitions of an operator that only computes: a frame of eight bytes each would be seen on a
/// stack of 512 KiB.
const SOME: u32 = 80_000;

/// All of them but one: `large/past_2gb.json` of the Marine services takes 4 GiB of memory. They
/// are read once and stay in memory.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn all() -> Files {
    let mut files = Files::new();
    let mut modules = Vec::new();
    for (kind, folder) in FOLDERS {
        for path in json(&workspace().join(folder)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name == NO_VECTOR {
                continue;
            }
            let bytes = bytes(&path);
            match kind {
                "marine/" => modules.extend(named(&bytes)),
                "interfaces/" => modules.push(name.replace(".json", ".wasm")),
                _ => {}
            }
            files.push((format!("{kind}{name}"), file(bytes)));
        }
    }
    let numbers = bytes(&workspace().join("air/tests/vectors/numbers.json"));
    files.push(("numbers/numbers.json".to_string(), file(numbers)));
    modules.sort();
    modules.dedup();
    for name in modules {
        // A scenario may be about a module that is not there.
        if let Ok(module) = modules::wasm(&workspace().join("wasm-host"), &name) {
            files.push((format!("{MODULES}{name}"), file(module)));
        }
    }
    for (name, bodies, times, memory) in [
        ("refusals", many(), MANY, OPEN),
        ("maxima", growths(), MANY, CLOSED),
        ("computing", some(), SOME, OPEN),
    ] {
        let loops = bodies.iter().map(|body| {
            let wasm = BASE64_STANDARD.encode(repeating(body, memory));
            json!([body, wasm])
        });
        let loops = json!({ "times": times, "loops": loops.collect::<Vec<_>>() });
        let text = loops.to_string().into_bytes();
        files.push((format!("{OPERATORS}{name}.json"), file(text)));
    }
    files
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn json(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    paths
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn file(bytes: Vec<u8>) -> File {
    File::new(bytes.leak())
}

/// The modules that a scenario names.
fn named(scenario: &[u8]) -> Vec<String> {
    let scenario: Value = serde_json::from_slice(scenario).expect("JSON");
    let modules = scenario["modules"].as_array().cloned().unwrap_or(vec![]);
    let names = modules.iter().filter_map(|module| module["wasm"].as_str());
    names.map(str::to_string).collect()
}
