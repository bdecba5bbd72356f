//! All recorded vectors on what ships: `cargo run --release -p basalt-hosted --example shipped`.

use std::process::ExitCode;
use std::thread;

use basalt_prover::memory::Mmap;
use basalt_vectors::{Files, OPERATORS, Report, files};
use clap::Parser;

/// Replays all recorded vectors that stand in the project on the dependencies and features of the
/// hosted node.
///
/// Prints a line for each vector that does not hold, then the counts.
#[derive(Debug, Parser)]
struct Cli {}

/// Bytes of the stack that operators are repeated on: that of a job in the kernel.
const STACK: usize = 512 << 10;

fn main() -> ExitCode {
    let Cli {} = Cli::parse();
    let (operators, others): (Files, Files) = files::all()
        .into_iter()
        .partition(|(path, _)| path.starts_with(OPERATORS));
    let small = thread::Builder::new().stack_size(STACK);
    let repeated = small.spawn(move || run(&operators)).expect("a thread");
    let mut report = repeated.join().expect("no panic inside");
    let Report { passed, failures } = run(&others);
    report.passed += passed;
    report.failures.extend(failures);
    for failure in &report.failures {
        println!("{failure:.600}");
    }
    println!("{} passed, {} failed", report.passed, report.failures.len());
    match report.failures.is_empty() && report.passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn run(files: &Files) -> Report {
    basalt_vectors::run(files, Mmap::default(), &mut |line| println!("{line}"))
}
