//! Measures interpreter calls: `bench [--warm] [--best] DIR`, or `bench --scaling`.
//!
//! Prints `NAME median_ms allocations` per recorded workload: the median of repeated calls, from
//! raw bytes to raw bytes, script parsed in each. Signatures are checked each time; with `--warm`
//! they are remembered from the call before, as in a node. With `--best` the fastest call is
//! printed instead of the median: on a busy machine the median measures its neighbours. Freed
//! memory is kept by the process, as the node's heap keeps it. `--scaling` prints what an element
//! costs as traces grow.

mod memory;
mod scaling;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use basalt_air::{Interpreter, VerifiedSignatures};
use support::case::Step;
use support::files::{files, read_json};

/// Time spent on each workload.
const TIME: Duration = Duration::from_millis(700);

fn main() {
    memory::keep_freed();
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut flag = |name: &str| {
        let found = arguments.iter().position(|argument| argument == name);
        found.map(|at| arguments.remove(at)).is_some()
    };
    let (warm, best) = (flag("--warm"), flag("--best"));
    if flag("--scaling") {
        return scaling::print();
    }
    let folders: Vec<PathBuf> = arguments.into_iter().map(PathBuf::from).collect();
    if folders.is_empty() {
        eprintln!("usage: bench [--warm] [--best] DIR... | bench --scaling");
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
