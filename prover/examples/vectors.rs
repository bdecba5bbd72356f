//! Recorded vectors of the hash:
//! `cargo run --release -p basalt-prover --example vectors -- --help`.

#[path = "../tests/support/vectors.rs"]
mod support;

use basalt_prover::memory::Mmap;
use basalt_prover::randomx::dataset::DatasetBuilder;
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{Cache, Dataset, Fluence};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use support::{Build, Checker};

/// Checks files of recorded vectors of the hash.
///
/// Prints counts for each file, and a line for each vector that does not hold.
#[derive(Debug, Parser)]
struct Cli {
    /// Files of vectors
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Run programs one instruction at a time, which is slow
    #[arg(long)]
    interpreter: bool,
    /// Build the whole dataset where a file is about one: 4.03 GiB and some minutes
    #[arg(long)]
    fast: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let files = cli.files;
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        eprintln!("error: {} is no file", missing.display());
        return ExitCode::from(2);
    }
    let engine = match cli.interpreter {
        true => Engine::Interpreter,
        false => Engine::Jit,
    };
    let build = cli.fast.then_some(dataset as Build);
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
            "{}: {} passed, {} failed",
            file.display(),
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
