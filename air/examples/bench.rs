//! Measures recorded interpreter calls: `bench [--warm] [--best] DIR`.
//!
//! Prints `NAME median_ms allocations` per workload: the median of repeated calls, from raw bytes to raw
//! bytes, script parsed in each. Signatures are checked each time; with `--warm` they are remembered from
//! the call before, as in a node. With `--best` the fastest call is printed instead of the median: on a busy
//! machine the median measures its neighbours.

#[path = "../tests/support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use basalt_air::{Interpreter, VerifiedSignatures};
use support::case::{Step, files, read_json};

/// The system's allocator, with a count of its calls.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory it hands out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System`, by `alloc` or `realloc` here, with this `layout`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as for `dealloc`; `size` is the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Time spent on each workload.
const TIME: Duration = Duration::from_millis(700);

fn main() {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut flag = |name: &str| {
        let found = arguments.iter().position(|argument| argument == name);
        found.map(|at| arguments.remove(at)).is_some()
    };
    let (warm, best) = (flag("--warm"), flag("--best"));
    let folders: Vec<PathBuf> = arguments.into_iter().map(PathBuf::from).collect();
    for path in files(&folders) {
        let workload = read_json(&path);
        let Some(air) = workload["air"].as_str() else {
            continue;
        };
        let step = Step::read(air, &workload);
        let interpreter = Interpreter::default();
        let mut verified = VerifiedSignatures::new(if warm { 4096 } else { 0 });
        let outcome = step.run(&interpreter, &mut verified);
        assert_eq!(
            outcome.ret_code, workload["expected_ret_code"],
            "{}",
            outcome.error_message
        );

        let before = ALLOCATIONS.load(Ordering::Relaxed);
        call(&step, &interpreter, &mut verified);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        let mut times = Vec::new();
        let start = Instant::now();
        while start.elapsed() < TIME || times.len() < 11 {
            let start = Instant::now();
            call(&step, &interpreter, &mut verified);
            times.push(start.elapsed());
        }
        times.sort();
        let time = times[if best { 0 } else { times.len() / 2 }].as_secs_f64() * 1e3;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        println!("{name} {time:.4} {allocations}");
    }
}

fn call(step: &Step, interpreter: &Interpreter, verified: &mut VerifiedSignatures) {
    let outcome = step.run(interpreter, verified);
    black_box((outcome.call_requests_raw(), outcome.data));
}
