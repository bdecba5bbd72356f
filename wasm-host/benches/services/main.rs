//! Measures calls, creation and memory of services, side by side with the reference host when it is
//! at hand.
//!
//! `cargo bench -p basalt-wasm-host -- [--wasm DIR] [--peer PROGRAM] [--only TEXT]`: `DIR` holds
//! more binaries (for rows whose modules are not in the project), `PROGRAM` is the build of
//! `bench-peer/`. Each row of `rows.json` runs in a process of its own, ours and the peer's one
//! after the other.

mod host;
mod measure;
#[path = "../../examples/vectors/runner.rs"]
#[allow(
    dead_code,
    reason = "only the generator of the scenario runner is used"
)]
mod runner;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use basalt_wasm_host::{
    Budget, CallParameters, Module, ModuleConfig, ModuleStore, ParkedService, Service,
    ServiceConfig, Vfs, Volume, vfs::Quota,
};
use host::StdHost;
use measure::Subject;
use serde_json::Value;

/// A generous budget, so that metering is paid for as in a node.
const BUDGET: Budget = Budget {
    fuel: 1 << 60,
    deadline: Some(u64::MAX),
};

fn main() {
    let (mut wasm, mut peer, mut only, mut row) = (None, None, String::new(), None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--wasm" => wasm = words.next().map(PathBuf::from),
            "--peer" => peer = words.next(),
            "--only" => only = words.next().unwrap_or_default(),
            // How this program starts itself: one row in a process of its own, so that memory is
            // that row's.
            "--row" => row = words.next(),
            // Cargo's own.
            "--bench" => {}
            other => panic!("unknown option {other}"),
        }
    }
    let dir = std::env::temp_dir().join("basalt-wasm-host-bench");
    let rows: Vec<Value> = serde_json::from_str(include_str!("rows.json")).expect("rows");
    if let Some(name) = row {
        let row = rows
            .iter()
            .find(|row| row["row"] == name.as_str())
            .expect("row");
        println!("{}", measure::measure(&mut Basalt::new(&dir, row), row));
        return;
    }
    collect(&dir, wasm.as_deref());
    println!(
        "{:44} {:>14} {:>14} {:>8}",
        "row", "basalt", "marine 0.37", "ratio"
    );
    let mut measured: Vec<(&str, Option<f64>)> = Vec::new();
    for row in &rows {
        let name = row["row"].as_str().expect("row");
        let modules = names(&row["modules"]);
        if !name.contains(&only) {
            continue;
        }
        if modules.iter().any(|module| !file(&dir, module).exists()) {
            println!("{name:44} (module not at hand)");
            continue;
        }
        let me = std::env::current_exe().expect("own path");
        let ours = number(Command::new(&me).args(["--row", name])).expect("own measurement");
        // Rows that only we tell apart are compared with the same number of the reference.
        let same = row["peer"].as_str();
        let known = measured
            .iter()
            .find(|(other, _)| same == Some(other))
            .map(|(_, theirs)| *theirs);
        let theirs = known
            .unwrap_or_else(|| number(Command::new(peer.as_ref()?).arg(&dir).arg(row.to_string())));
        measured.push((name, theirs));
        let resident = row["kind"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("resident"));
        let unit = if resident { bytes } else { time };
        println!(
            "{name:44} {:>14} {:>14} {:>8}",
            unit(ours),
            theirs.map_or(String::new(), unit),
            theirs.map_or(String::new(), |theirs| format!("{:.1}", theirs / ours))
        );
    }
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("modules");
    list.iter().filter_map(Value::as_str).collect()
}

fn file(dir: &Path, module: &str) -> PathBuf {
    dir.join(format!("{module}.wasm"))
}

/// What a measuring process prints: nanoseconds or bytes.
fn number(command: &mut Command) -> Option<f64> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.lines().last().and_then(|line| line.parse().ok());
    if number.is_none() && !output.stderr.is_empty() {
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
    format!("{:.1} KiB", bytes / 1024.0)
}

/// Puts all binaries into one folder, where the peer finds them too.
fn collect(dir: &Path, more: Option<&Path>) {
    std::fs::create_dir_all(dir).expect("folder");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/wasm");
    for source in [Some(own.as_path()), more].into_iter().flatten() {
        for entry in std::fs::read_dir(source).expect("folder").flatten() {
            let wasm = std::fs::read(entry.path()).expect("module");
            std::fs::write(dir.join(entry.file_name()), wasm).expect("module");
        }
    }
    std::fs::write(dir.join("sqlite3.wasm"), fluence_spell_distro::SQLITE_WASM).expect("module");
    std::fs::write(dir.join("registry.wasm"), registry_distro::REGISTRY_WASM).expect("module");
}

/// This host over the modules of one row.
struct Basalt {
    files: Vec<(String, Vec<u8>)>,
    store: ModuleStore,
}

impl Basalt {
    fn new(dir: &Path, row: &Value) -> Self {
        Self {
            files: names(&row["modules"])
                .into_iter()
                .map(|name| {
                    let wasm = std::fs::read(file(dir, name)).expect("module");
                    (name.to_string(), wasm)
                })
                .collect(),
            store: ModuleStore::default(),
        }
    }
}

impl Subject for Basalt {
    type Service = Service;
    type Idle = ParkedService;

    fn create(&mut self) -> Service {
        let mut modules: Vec<(ModuleConfig, Module)> = Vec::new();
        for (name, wasm) in &self.files {
            let mut config = ModuleConfig::new(name);
            for dir in ["tmp", "storage"] {
                config.mapped_dirs.insert(format!("/{dir}"), dir.into());
            }
            // A node loads a module once and keeps it.
            let module = self.store.load(name, name, wasm).expect("module");
            modules.push((config, module));
        }
        Service::new(
            self.store.engine(),
            ServiceConfig::default(),
            &modules,
            Vfs::new(Volume::scratch(1, Quota::default())),
            Box::new(StdHost::default()),
        )
        .expect("service")
    }

    fn forget(&mut self) {
        self.store = ModuleStore::default();
    }

    fn idle(&self, service: Service) -> ParkedService {
        service.park().ok().expect("can rest")
    }

    fn resume(&self, idle: ParkedService) -> Service {
        idle.wake().ok().expect("wakes")
    }

    fn call(&mut self, service: &mut Service, function: &str, args: Value) -> Value {
        service
            .call(function, &args, CallParameters::default(), BUDGET)
            .expect("call")
    }
}
