//! Measures calls of the interpreter:
//! `cargo run --release -p basalt-air --example bench -- --help`.

mod memory;
mod scaling;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use basalt_air::{Interpreter, VerifiedSignatures};
use clap::Parser;
use support::case::Step;
use support::files::{files, read_json};

/// Time spent on each workload.
const TIME: Duration = Duration::from_millis(700);

/// Measures calls of the interpreter on recorded workloads, from raw bytes to raw bytes, the script
/// parsed in each.
///
/// Prints `NAME median_ms allocations` for each workload. The process keeps freed memory, as the
/// node's heap keeps it.
#[derive(Debug, Parser)]
struct Cli {
    /// Folders of workloads, each a JSON file
    #[arg(
        value_name = "DIR",
        required_unless_present = "scaling",
        conflicts_with = "scaling"
    )]
    folders: Vec<PathBuf>,
    /// Remember signatures that were checked in the call before, as a node does
    #[arg(long, conflicts_with = "scaling")]
    warm: bool,
    /// Print the fastest call instead of the median: on a busy machine the median measures its
    /// neighbours
    #[arg(long, conflicts_with = "scaling")]
    best: bool,
    /// Print what an element costs as traces grow: microseconds, allocations and bytes
    #[arg(long)]
    scaling: bool,
}

fn main() {
    let Cli {
        folders,
        warm,
        best,
        scaling,
    } = Cli::parse();
    memory::keep_freed();
    if scaling {
        return scaling::print();
    }
    if let Some(missing) = folders.iter().find(|folder| !folder.exists()) {
        eprintln!("error: {} is not there", missing.display());
        std::process::exit(2);
    }
    for path in files(&folders) {
        let workload = read_json(&path);
        let Some(air) = workload["air"].as_str() else {
            continue;
        };
        let step = Step::read(air, &workload);
        let interpreter = Interpreter::default();
        let mut verified = VerifiedSignatures::new(if warm { 4096 } else { 0 });
        let outcome = step.run(&interpreter, &mut verified);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if let Some(expected) = workload["expected_ret_code"].as_i64() {
            let message = &outcome.error_message;
            assert_eq!(outcome.ret_code, expected, "{name}: {message}");
        }
        let mut call = || {
            let outcome = step.run(&interpreter, &mut verified);
            black_box((outcome.call_requests_raw(), outcome.data));
        };
        let allocations = memory::allocated(&mut call).count;
        let times = measure(&mut call);
        let time = times[if best { 0 } else { times.len() / 2 }].as_secs_f64() * 1e3;
        println!("{name} {time:.4} {allocations}");
    }
}

/// Times of repeated calls, sorted.
fn measure(call: &mut dyn FnMut()) -> Vec<Duration> {
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < TIME || times.len() < 11 {
        let start = Instant::now();
        call();
        times.push(start.elapsed());
    }
    times.sort();
    times
}
