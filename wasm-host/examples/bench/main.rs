//! Measures calls, creation and memory of services, side by side with the reference host when it is at hand.
//!
//! `bench [--wasm DIR] [--peer PROGRAM]`: `DIR` holds more binaries (for rows whose modules are not in the project), `PROGRAM` is `bench-peer` built
//! from `bench-peer/`. Both measure the rows of `rows.json` the same way: warm up, then repeat for half a second and take the median. Each row runs
//! alone, ours and the peer's one after the other.

#[path = "../vectors/runner.rs"]
#[allow(dead_code, reason = "only the host of the scenario runner is used")]
mod runner;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use basalt_wasm_host::{
    Budget, CallParameters, Module, ModuleConfig, ModuleStore, Service, ServiceConfig, Vfs, Volume,
    vfs::Quota,
};
use runner::StdHost;
use serde_json::{Value, json};

/// Time spent on the repetitions of a row.
const SPAN: Duration = Duration::from_millis(500);
/// Services that are alive at once when memory is measured.
const RESIDENT: usize = 20;
/// A generous budget, so that metering is paid for as in a node.
const BUDGET: Budget = Budget {
    fuel: 1 << 60,
    deadline: Some(u64::MAX),
};

fn main() {
    let (mut wasm, mut peer, mut only) = (None, None, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--wasm" => wasm = words.next().map(PathBuf::from),
            "--peer" => peer = words.next(),
            // How this program starts itself: one row in a process of its own, so that memory is that row's.
            "--row" => only = words.next(),
            other => panic!("unknown option {other}"),
        }
    }
    let dir = std::env::temp_dir().join("basalt-wasm-host-bench");
    if let Some(row) = only {
        let rows: Vec<Value> = serde_json::from_str(include_str!("rows.json")).expect("rows");
        let row = rows
            .into_iter()
            .find(|candidate| candidate["row"] == row.as_str())
            .expect("row");
        println!("{}", measure(&dir, &row));
        return;
    }
    collect(&dir, wasm.as_deref());
    let me = std::env::current_exe().expect("own path");
    let rows: Vec<Value> = serde_json::from_str(include_str!("rows.json")).expect("rows");
    println!(
        "{:36} {:>14} {:>14} {:>8}",
        "row", "basalt", "marine 0.37", "ratio"
    );
    for row in &rows {
        let name = row["row"].as_str().expect("row");
        let missing = |module: &Value| {
            !dir.join(format!("{}.wasm", module.as_str().unwrap_or_default()))
                .exists()
        };
        if row["modules"]
            .as_array()
            .expect("modules")
            .iter()
            .any(missing)
        {
            println!("{name:36} (module not at hand)");
            continue;
        }
        let ours = number(Command::new(&me).args(["--row", name])).expect("own measurement");
        let theirs = peer
            .as_ref()
            .and_then(|peer| number(Command::new(peer).arg(&dir).arg(row.to_string())));
        let unit = if row["kind"] == "resident" {
            bytes
        } else {
            time
        };
        let ratio = theirs.map_or(String::new(), |theirs| format!("{:.1}", theirs / ours));
        println!(
            "{name:36} {:>14} {:>14} {ratio:>8}",
            unit(ours),
            theirs.map_or(String::new(), unit)
        );
    }
}

/// What a measuring process prints: nanoseconds or bytes.
fn number(command: &mut Command) -> Option<f64> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.lines().last()?.parse().ok();
    if number.is_none() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    number
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e4 => format!("{n:.0} ns"),
        n if n < 1e7 => format!("{:.1} us", n / 1e3),
        n => format!("{:.1} ms", n / 1e6),
    }
}

fn bytes(bytes: f64) -> String {
    format!("{:.2} MiB", bytes / f64::from(1 << 20))
}

/// Puts all binaries into one folder, where the peer finds them too.
fn collect(dir: &Path, more: Option<&Path>) {
    std::fs::create_dir_all(dir).expect("folder");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/wasm");
    for source in [Some(own.as_path()), more].into_iter().flatten() {
        for entry in std::fs::read_dir(source).expect("folder").flatten() {
            std::fs::write(
                dir.join(entry.file_name()),
                std::fs::read(entry.path()).expect("module"),
            )
            .expect("module");
        }
    }
    std::fs::write(dir.join("sqlite3.wasm"), fluence_spell_distro::SQLITE_WASM).expect("module");
    std::fs::write(dir.join("registry.wasm"), registry_distro::REGISTRY_WASM).expect("module");
}

fn measure(dir: &Path, row: &Value) -> f64 {
    let mut store = ModuleStore::default();
    let names: Vec<&str> = row["modules"]
        .as_array()
        .expect("modules")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let modules: Vec<(ModuleConfig, Module)> = names
        .iter()
        .map(|name| {
            let mut config = ModuleConfig::new(name);
            config.mapped_dirs.insert("/tmp".into(), "tmp".into());
            config
                .mapped_dirs
                .insert("/storage".into(), "storage".into());
            let wasm = std::fs::read(dir.join(format!("{name}.wasm"))).expect("module");
            (config, store.load(name, name, &wasm).expect("module"))
        })
        .collect();
    let create = || {
        let vfs = Vfs::new(Volume::scratch(1, Quota::default()));
        Service::new(
            store.engine(),
            ServiceConfig::default(),
            &modules,
            vfs,
            Box::new(StdHost::default()),
        )
        .expect("service")
    };
    match row["kind"].as_str() {
        Some("creation") => median(|| {
            let start = Instant::now();
            let service = create();
            let time = start.elapsed();
            drop(service);
            time
        }),
        Some("resident") => {
            // The first service translates functions that start-up needs; what stays per service is measured.
            let first = create();
            let before = resident();
            let services: Vec<Service> = (0..RESIDENT).map(|_| create()).collect();
            let grown = resident() - before;
            drop((first, services));
            grown / RESIDENT as f64
        }
        _ => {
            let mut service = create();
            let mut results = HashMap::new();
            for call in row["once"].as_array().into_iter().flatten() {
                run(&mut service, call, &mut results);
            }
            let calls: Vec<(String, Value)> = row["calls"]
                .as_array()
                .expect("calls")
                .iter()
                .map(|call| {
                    (
                        call[0].as_str().expect("function").to_string(),
                        resolve(&call[1], &results),
                    )
                })
                .collect();
            median(|| {
                let start = Instant::now();
                for (function, args) in &calls {
                    service
                        .call(function, args, CallParameters::default(), BUDGET)
                        .expect("call");
                }
                start.elapsed()
            })
        }
    }
}

fn run(service: &mut Service, call: &Value, results: &mut HashMap<String, Value>) {
    let args = resolve(&call[1], results);
    let function = call[0].as_str().expect("function");
    let result = service
        .call(function, &args, CallParameters::default(), BUDGET)
        .expect("call");
    if let Value::Object(fields) = result {
        results.extend(fields);
    }
}

/// `$ref` is a field of an earlier result, `$bytes` and `$strings` are made up.
fn resolve(args: &Value, results: &HashMap<String, Value>) -> Value {
    match args {
        Value::Object(map) if map.contains_key("$ref") => {
            results[map["$ref"].as_str().expect("field")].clone()
        }
        Value::Object(map) if map.contains_key("$bytes") => {
            (0..map["$bytes"].as_u64().expect("count"))
                .map(|byte| json!(byte % 251))
                .collect()
        }
        Value::Object(map) if map.contains_key("$strings") => {
            (0..map["$strings"].as_u64().expect("count"))
                .map(|n| json!(format!("string number {n}")))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| resolve(item, results)).collect(),
        other => other.clone(),
    }
}

/// Median of repetitions, in nanoseconds. Short ones are timed one by one all the same: a clock read is 30 ns.
fn median(mut once: impl FnMut() -> Duration) -> f64 {
    once();
    once();
    let start = Instant::now();
    let mut times = Vec::new();
    while start.elapsed() < SPAN || times.len() < 5 {
        times.push(once().as_nanos() as f64);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Resident memory of this process in bytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0");
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<f64>().ok())
        .unwrap_or(0.0)
        * 1024.0
}
