//! Every operator in a long loop on a small native stack: an engine that leaves a frame there for
//! each, on whatever path, would end the process. It depends on the compiler, so that each profile
//! has to be looked at: `cargo test --release --test operators` in this folder. The self-test image
//! does the same in the kernel, on the stacks of its jobs.

#[path = "support/operators.rs"]
mod operators;
#[path = "support/repeated.rs"]
mod repeated;

use std::collections::BTreeSet;
use std::thread;

use basalt_wasm_host::engine::wasmi::Wasmi;
use operators::{CLOSED, MANY, OPEN, growths, many, repeating, some};

/// Bytes of the native stack.
const STACK: usize = 256 << 10;
/// Repetitions of what only computes: a frame of eight bytes each would be seen.
const SOME: u32 = 40_000;

/// Runs each body so many times, in a module of its own, on a small stack.
fn repeat(bodies: Vec<String>, times: u32, memory: &'static str) {
    let small = thread::Builder::new().stack_size(STACK);
    let run = move || {
        let engine = Wasmi::default();
        for body in bodies {
            let done = repeated::run(&engine, &repeating(&body, memory), times);
            done.unwrap_or_else(|failure| panic!("{body}: {failure}"));
        }
    };
    small.spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_can_be_refused_leaves_no_frame() {
    repeat(many(), MANY, OPEN);
}

#[test]
fn what_the_declared_maximum_refuses_leaves_no_frame() {
    repeat(growths(), MANY, CLOSED);
}

#[test]
fn what_computes_leaves_no_frame() {
    repeat(some(), SOME, OPEN);
}

/// Proposal and name of each operator that there is.
macro_rules! names {
    ($( @$proposal:ident $op:ident $({ $($argument:ident: $ty:ty),* })? => $visit:ident ($($rest:tt)*) )*) => {
        &[$((stringify!($proposal), stringify!($op))),*]
    };
}

#[test]
fn every_operator_of_the_language_is_repeated() {
    let all: &[(&str, &str)] = wasmparser::for_each_operator!(names);
    let language = [
        "mvp",
        "sign_extension",
        "saturating_float_to_int",
        "bulk_memory",
        "reference_types",
        "simd",
    ];
    let mut missing: BTreeSet<&str> = all
        .iter()
        .filter(|(proposal, _)| language.contains(proposal))
        .map(|(_, name)| *name)
        // It ends what would be repeated.
        .filter(|name| *name != "Unreachable")
        .collect();
    assert!(missing.len() > 400, "{}", missing.len());
    for body in many().iter().chain(&some()) {
        let wasm = repeating(body, OPEN);
        for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
            let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() else {
                continue;
            };
            for operator in body.get_operators_reader().unwrap() {
                let text = format!("{:?}", operator.unwrap());
                missing.remove(text.split([' ', '(']).next().unwrap());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
