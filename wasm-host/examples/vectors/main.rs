//! Runs recorded scenarios of the reference host and compares every call.
//!
//! `vectors DIR [--wasm DIR] [--only NAME] [--rest]`: `DIR` holds the scenarios, or a folder
//! `scenarios` with them; the binaries are in `DIR/wasm` or beside `DIR` unless `--wasm` names
//! another folder. Interfaces in `DIR/interfaces` are compared too. With `--rest` every service is
//! put to rest and woken before each call. The last line is `N passed, N failed`.

mod files;
mod runner;

use std::{path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let mut dir = None;
    let mut wasm = None;
    let mut only = None;
    let mut rest = false;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--wasm" => wasm = words.next().map(PathBuf::from),
            "--only" => only = words.next(),
            "--rest" => rest = true,
            _ => dir = Some(PathBuf::from(word)),
        }
    }
    let Some(dir) = dir else {
        eprintln!("usage: vectors DIR [--wasm DIR] [--only NAME] [--rest]");
        return ExitCode::from(2);
    };
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
