//! Replays all recorded vectors that stand in the project on the dependencies and features of the
//! hosted node: `cargo run --release -p basalt-hosted --example shipped`.
//!
//! Prints a line for each vector that does not hold, then counts.

use std::process::ExitCode;

use basalt_prover::memory::Mmap;

fn main() -> ExitCode {
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
