//! All recorded vectors on what ships: `cargo run --release -p basalt-hosted --example shipped`.

use std::process::ExitCode;

use basalt_prover::memory::Mmap;
use clap::Parser;

/// Replays all recorded vectors that stand in the project on the dependencies and features of the
/// hosted node.
///
/// Prints a line for each vector that does not hold, then the counts.
#[derive(Debug, Parser)]
struct Cli {}

fn main() -> ExitCode {
    let Cli {} = Cli::parse();
    let files = basalt_vectors::files::all();
    let report = basalt_vectors::run(&files, Mmap::default(), &mut |line| println!("{line}"));
    for failure in &report.failures {
        println!("{failure:.600}");
    }
    println!("{} passed, {} failed", report.passed, report.failures.len());
    match report.failures.is_empty() && report.passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
