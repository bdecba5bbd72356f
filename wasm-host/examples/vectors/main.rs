//! Recorded scenarios of the reference host:
//! `cargo run --release -p basalt-wasm-host --example vectors -- --help`.

mod files;
mod runner;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

/// Runs recorded scenarios of the reference host and compares every call.
///
/// Interfaces in DIR/interfaces are compared too. Prints a line for each difference, then
/// `N passed, N failed`.
#[derive(Debug, Parser)]
struct Cli {
    /// The scenarios, each a JSON file, or a folder with a folder `scenarios` of them
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The modules' binaries; else DIR/wasm, or `wasm` beside DIR
    #[arg(long, value_name = "DIR")]
    wasm: Option<PathBuf>,
    /// Only the scenario in the file NAME.json
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Put every service to rest and wake it before each call
    #[arg(long)]
    rest: bool,
}

fn main() -> ExitCode {
    let Cli {
        dir,
        wasm,
        only,
        rest,
    } = Cli::parse();
    if !dir.is_dir() {
        eprintln!("error: {} is no folder", dir.display());
        return ExitCode::from(2);
    }
    let wasm = wasm.unwrap_or_else(|| match dir.parent() {
        Some(parent) if !dir.join("wasm").is_dir() => parent.join("wasm"),
        _ => dir.join("wasm"),
    });
    let scenarios = if dir.join("scenarios").is_dir() {
        dir.join("scenarios")
    } else {
        dir.clone()
    };
    let mut runner = runner::Runner::new(Box::new(move |file| {
        std::fs::read(wasm.join(file)).map_err(|error| error.to_string())
    }));
    runner.rest = rest;
    for path in files::json_files(&scenarios) {
        if only
            .as_deref()
            .is_none_or(|only| path.file_stem().is_some_and(|name| name == only))
        {
            // A scenario that breaks the runner is one failure, not the end of the run.
            let (stem, scenario) = files::read(&path);
            let run = std::panic::AssertUnwindSafe(|| runner.scenario(&stem, &scenario));
            if std::panic::catch_unwind(run).is_err() {
                runner
                    .failures
                    .push(format!("{}: the run panicked", path.display()));
            }
        }
    }
    if only.is_none() {
        for path in files::json_files(&dir.join("interfaces")) {
            let (name, expected) = files::read(&path);
            runner.interface(&name, &expected);
        }
    }
    for failure in &runner.failures {
        println!("{failure}");
    }
    println!("{} passed, {} failed", runner.passed, runner.failures.len());
    if runner.failures.is_empty() && runner.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
