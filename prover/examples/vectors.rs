//! Checks files of recorded vectors: `vectors [--interpreter] [--fast] FILE...`.
//!
//! `--interpreter` runs programs one instruction at a time (slow), `--fast` builds the whole
//! dataset where a file is about one (4.03 GiB and some minutes).

#[path = "../tests/support/vectors.rs"]
mod support;

use basalt_prover::memory::Mmap;
use basalt_prover::randomx::dataset::DatasetBuilder;
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{Cache, Dataset, Fluence};
use std::process::ExitCode;
use support::{Build, Checker};

fn main() -> ExitCode {
    let (mut engine, mut build, mut files) = (Engine::Jit, None::<Build>, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--interpreter" => engine = Engine::Interpreter,
            "--fast" => build = Some(dataset),
            _ => files.push(argument),
        }
    }
    if files.is_empty() {
        eprintln!("usage: vectors [--interpreter] [--fast] FILE...");
        return ExitCode::FAILURE;
    }
    let mut all_passed = true;
    for file in files {
        let mut checker = Checker::new(Mmap::default(), engine, build);
        let outcome = std::fs::read(&file)
            .map_err(|e| e.to_string())
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()))
            .and_then(|value| checker.check(&value));
        if let Err(error) = outcome {
            checker.failures.push(error);
        }
        println!(
            "{file}: {} passed, {} failed",
            checker.passed,
            checker.failures.len()
        );
        for failure in &checker.failures {
            println!("  {failure:.300}");
        }
        all_passed &= checker.failures.is_empty();
    }
    if all_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A whole dataset, filled by as many threads as the machine has.
fn dataset(cache: &Cache<Fluence>) -> Result<Dataset<Fluence>, String> {
    let builder = DatasetBuilder::new(&Mmap::default()).map_err(|error| error.to_string())?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| while builder.step(cache) {});
        }
    });
    builder
        .finish()
        .map_err(|unfinished| format!("{unfinished:?}"))
}
