//! What a run costs is what it is charged: the thread's processor time is at most three times the
//! time that is counted, and no more bytes are allocated at once than the ceiling allows.
//!
//! The prices are those of a release build. In others, and on other machines, all takes longer by
//! some factor: it is measured with recorded runs, and the bound goes by it.

#[path = "../support/spent.rs"]
mod spent;
#[path = "../support/mod.rs"]
mod support;

mod forms;
mod large;
mod measured;
mod random;

use std::path::Path;

use basalt_air::{Interpreter, VerifiedSignatures};
use measured::{Cost, measure};
use support::case::Step;
use support::files::{files, read_json};

/// How many times as long as charged a run may take.
const FACTOR: f64 = 3.0;

/// What is shorter is noise, in seconds.
const FLOOR: f64 = 0.000_5;

/// Bytes that are not counted: what every run needs. A text that is refused may be there too,
/// before it is, for which there was room.
const SLACK: u64 = 64 << 10;

/// How much longer everything takes here than in a release build on the machine of the prices.
fn slowness() -> f64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/workloads");
    let mut all = Cost::default();
    for path in files(&[folder]) {
        let workload = read_json(&path);
        let step = Step::read(workload["air"].as_str().unwrap(), &workload);
        let mut best: Option<Cost> = None;
        for _ in 0..3 {
            let run = || step.run(&Interpreter::default(), &mut VerifiedSignatures::new(0));
            let (_, cost) = measure(run);
            if best.is_none_or(|best| cost.processor < best.processor) {
                best = Some(cost);
            }
        }
        all.add(&best.unwrap());
    }
    let ratio = all.processor / all.charged;
    println!("recorded runs take {ratio:.2} of what is charged");
    ratio.max(1.0)
}

/// Measures one run again and again; tells what is wrong with it.
fn check(
    name: &str,
    slowness: f64,
    wrong: &mut Vec<String>,
    mut run: impl FnMut() -> basalt_air::Outcome,
) {
    let mut best = Cost {
        processor: f64::INFINITY,
        ..Cost::default()
    };
    // Other threads and the machine's neighbours only add to it.
    for _ in 0..12 {
        let (_, cost) = measure(&mut run);
        if cost.processor < best.processor {
            best = cost;
        }
        if best.processor / best.charged.max(FLOOR) <= FACTOR * slowness {
            break;
        }
    }
    let Cost {
        processor,
        charged,
        held,
        counted,
    } = best;
    let ratio = processor / charged.max(FLOOR);
    let row = format!(
        "{name:<32} {:>8.3} ms, {:>8.3} charged, {ratio:>6.2}; {held:>9} bytes, {counted:>9} counted",
        processor * 1e3,
        charged * 1e3,
    );
    println!("{row}");
    if ratio > FACTOR * slowness || held > counted + counted / 4 + SLACK {
        wrong.push(row);
    }
}

#[test]
fn runs_take_what_they_are_charged() {
    let slowness = slowness();
    let mut wrong = Vec::new();
    for (name, form) in forms::all() {
        check(&name, slowness, &mut wrong, || form.run());
    }
    random::check_all(slowness, &mut wrong);
    assert!(wrong.is_empty(), "{slowness}\n{}", wrong.join("\n"));
}
