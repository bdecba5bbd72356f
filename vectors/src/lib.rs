//! Replays what the references were recorded to do: AIR, Marine services, RandomX.
//!
//! A crate's own tests see the features of their own build. This crate is linked into what ships
//! instead: into a runner beside the hosted node (`basalt-hosted`'s example `vectors`) and into the
//! self-test image, whose kernel is built as the product's is. The checks themselves are those of
//! the crates' tests, taken from where they stand.
//!
//! * [`run`] replays named files and counts;
//! * `files` (feature of that name, only on the host) collects those of the workspace.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "files")]
extern crate std;
// The checks name `std`, which they share with tests. They need no more of it than this.
#[cfg(not(feature = "files"))]
extern crate alloc as std;

#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared with the tests of `basalt-air`"
)]
#[path = "../../air/tests/support"]
mod air {
    pub(crate) mod case;
    pub(crate) mod decoded;
    pub(crate) mod numbers;
    pub(crate) mod single;
}
#[cfg(feature = "files")]
pub mod files;
#[path = "../../wasm-host/examples/vectors/runner.rs"]
mod marine;
#[path = "../../prover/tests/support/vectors.rs"]
mod randomx;
#[path = "../../wasm-host/tests/support/repeated.rs"]
mod repeated;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_distro::{Distro, File, Package};
use basalt_prover::memory::Memory;
use basalt_prover::randomx::vm::Engine;
use basalt_wasm_host::engine::wasmi::Wasmi;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use air::case::Mode;

/// Files of vectors by their names: folder and name, such as `air/001-null.json`.
pub type Files = Vec<(String, File)>;

/// The folders, with what a count of each is about.
const KINDS: [(&str, &str); 6] = [
    ("air/", "cases of AIR, each alone and chained"),
    ("numbers/", "rows of numbers"),
    ("marine/", "checks of Marine services"),
    ("interfaces/", "interfaces of Marine modules"),
    ("randomx/", "vectors of RandomX"),
    (OPERATORS, "loops of one operator of Wasm"),
];
/// Loops of one operator each, which belong on a stack that is no larger than a guest gets.
pub const OPERATORS: &str = "operators/";
/// Modules of the Marine services.
const MODULES: &str = "wasm/";

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Vectors that held.
    pub passed: usize,
    /// A line for each that did not.
    pub failures: Vec<String>,
}

/// Replays all files. `tell` gets a line for each kind of them.
///
/// # Panics
/// When a file is damaged, or no vector of its folder's kind.
pub fn run(files: &Files, memory: impl Memory + Clone, tell: &mut dyn FnMut(&str)) -> Report {
    let mut all = Report::default();
    for (folder, what) in KINDS {
        let chosen = files.iter().filter_map(|(path, file)| {
            let name = path.strip_prefix(folder)?.strip_suffix(".json")?;
            let value = serde_json::from_slice(&read(path, file)).expect("JSON");
            Some((name, value))
        });
        let report = match folder {
            "air/" => cases(chosen),
            "numbers/" => numbers(chosen),
            "randomx/" => hashes(chosen, memory.clone()),
            OPERATORS => loops(chosen),
            _ => services(chosen, files, folder == "interfaces/"),
        };
        let Report { passed, failures } = report;
        if passed + failures.len() > 0 {
            tell(&format!("{passed} {what} held, {} did not", failures.len()));
        }
        all.passed += passed;
        all.failures
            .extend(failures.into_iter().map(|line| format!("{folder}{line}")));
    }
    all
}

fn read(path: &str, file: &File) -> Cow<'static, [u8]> {
    file.read()
        .unwrap_or_else(|damaged| panic!("{path}: {damaged}"))
}

fn cases<'a>(chosen: impl Iterator<Item = (&'a str, Value)>) -> Report {
    let mut report = Report::default();
    for (name, case) in chosen {
        let runs = [Mode::Alone, Mode::Chained].map(|mode| air::case::check(&case, mode));
        let lines: Vec<String> = runs
            .into_iter()
            .flat_map(|run| run.unwrap_or_else(|| [String::from("no case")].into()))
            .collect();
        report.passed += usize::from(lines.is_empty());
        let lines = lines.into_iter().map(|line| format!("{name}: {line}"));
        report.failures.extend(lines);
    }
    report
}

fn numbers<'a>(chosen: impl Iterator<Item = (&'a str, Value)>) -> Report {
    let mut report = Report::default();
    for (_, table) in chosen {
        let (passed, failures) = air::numbers::check(&table);
        report.passed += passed;
        report.failures.extend(failures);
    }
    report
}

fn hashes<'a>(
    chosen: impl Iterator<Item = (&'a str, Value)>,
    memory: impl Memory + Clone,
) -> Report {
    let mut checker = randomx::Checker::new(memory, Engine::Jit, None);
    for (name, file) in chosen {
        if let Err(error) = checker.check(&file) {
            checker.failures.push(format!("{name}: {error}"));
        }
    }
    Report {
        passed: checker.passed,
        failures: checker.failures,
    }
}

/// Files of loops: how many times, and pairs of a text and a module in base64. A loop that leaves
/// frames behind ends the program instead of failing.
fn loops<'a>(chosen: impl Iterator<Item = (&'a str, Value)>) -> Report {
    let engine = Wasmi::default();
    let mut report = Report::default();
    for (name, file) in chosen {
        let times = file["times"]
            .as_u64()
            .and_then(|times| times.try_into().ok());
        for pair in file["loops"].as_array().into_iter().flatten() {
            let wasm = pair[1]
                .as_str()
                .and_then(|text| BASE64_STANDARD.decode(text).ok());
            let done = match (times, wasm) {
                (Some(times), Some(wasm)) => repeated::run(&engine, &wasm, times),
                _ => Err(String::from("no loop")),
            };
            match done {
                Ok(()) => report.passed += 1,
                Err(error) => report
                    .failures
                    .push(format!("{name}: {}: {error}", pair[0])),
            }
        }
    }
    report
}

fn services<'a>(
    chosen: impl Iterator<Item = (&'a str, Value)>,
    files: &Files,
    interfaces: bool,
) -> Report {
    let modules: BTreeMap<String, File> = files
        .iter()
        .filter_map(|(path, file)| Some((path.strip_prefix(MODULES)?.to_string(), file.clone())))
        .collect();
    let lookup = move |name: &str| match modules.get(name) {
        Some(file) => Ok(read(name, file).into_owned()),
        None => Err(format!("there is no {name}")),
    };
    let mut runner = marine::Runner::new(Box::new(lookup));
    for (name, file) in chosen {
        match interfaces {
            true => runner.interface(name, &file),
            false => runner.scenario(name, &file),
        }
    }
    Report {
        passed: runner.passed,
        failures: runner.failures,
    }
}

/// The files as one that the boot volume of an image can carry in place of the services.
///
/// # Errors
/// A file is not what its CID says.
pub fn pack(files: &Files) -> Result<Vec<u8>, basalt_distro::Damaged> {
    let package = |modules: Files| Package {
        name: "vectors".into(),
        version: String::new(),
        modules,
        calls: Vec::new(),
        spell: None,
    };
    let carrier = Distro {
        spell: package(Vec::new()),
        system: [package(files.clone())].into(),
    };
    carrier.to_pack()
}

/// The files in what [`pack`] made.
///
/// # Errors
/// The bytes are no pack.
pub fn unpack(bytes: &'static [u8]) -> Result<Files, basalt_distro::pack::Error> {
    let bytes: basalt_distro::Bytes = Arc::new(bytes);
    let carrier = Distro::from_pack(&bytes)?;
    let packages = carrier.system.into_iter();
    Ok(packages.flat_map(|package| package.modules).collect())
}
