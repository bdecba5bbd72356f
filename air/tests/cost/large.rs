//! The largest inputs: what is honest passes, what is not ends at its ceiling.

use basalt_air::{
    Air, CallResult, CallResults, Input, Interpreter, Outcome, Results, VerifiedSignatures, code,
};

use crate::measured::measure;
use crate::support::single::{params, run, step};

const MIB: usize = 1 << 20;

/// Runs, and holds what was allocated against the ceiling.
fn bounded(air: &str, prev_data: &[u8], current_data: &[u8]) -> Outcome {
    let params = params();
    let none = CallResults::new();
    let input = Input {
        air: Air::Text(air),
        prev_data,
        current_data,
        params: &params,
        call_results: Results::Typed(&none),
    };
    let run = || Interpreter::default().run(input, &mut VerifiedSignatures::new(0));
    let (outcome, cost) = measure(run);
    let size = air.len() + prev_data.len().max(current_data.len());
    let ceiling = 64 * MIB + 4 * size;
    println!("{} held", cost.held);
    assert!(cost.held <= ceiling as u64, "{} of {ceiling}", cost.held);
    let time = 50_000 + 4_000 * size as u64 / MIB as u64;
    // The last thing that is done may go beyond it.
    let most = time + time / 4;
    assert!(outcome.time <= most, "{} of {time}", outcome.time);
    outcome
}

/// `count` results of `len` bytes each, asked for by a fold.
fn with_results(count: usize, len: usize) -> (String, Vec<u8>) {
    let call = |body: &str| format!("(call %init_peer_id% (\"a\" \"b\") {body})");
    let air = format!(
        "(seq {} (fold x i (par {} (next i))))",
        call("[] x"),
        call("[i] y")
    );
    let list: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    let answer = |result: String| CallResult {
        ret_code: 0,
        result,
    };
    let listed = answer(format!("[{}]", list.join(",")));
    let first = run(&air);
    let asked = step(&air, &first.data, &[(1, listed)].into_iter().collect());
    assert_eq!(asked.call_requests.len(), count, "{}", asked.error_message);
    // Each is another text.
    let results = asked.call_requests.iter().map(|(id, _)| {
        let fill = "x".repeat(len.saturating_sub(8));
        (*id, answer(format!("\"{id:06}{fill}\"")))
    });
    let done = step(&air, &asked.data, &results.collect());
    assert_eq!(done.ret_code, 0, "{}", done.error_message);
    (air, done.data)
}

#[test]
fn honest_particles_of_64_mib_pass() {
    let (air, data) = with_results(62, MIB);
    assert!(
        data.len() > 61 * MIB && data.len() <= 64 * MIB,
        "{}",
        data.len()
    );
    let prev_data = run(&air).data;
    for prev_data in [&[][..], &prev_data, &data] {
        let outcome = bounded(&air, prev_data, &data);
        assert_eq!(outcome.ret_code, 0, "{}", outcome.error_message);
        assert_eq!(outcome.data.len(), data.len());
    }
}

#[test]
fn honest_particles_of_many_small_results_pass() {
    let (air, data) = with_results(12_000, 120);
    for prev_data in [&[][..], &data] {
        let outcome = bounded(&air, prev_data, &data);
        assert_eq!(outcome.ret_code, 0, "{}", outcome.error_message);
        println!("{} of {} bytes", outcome.memory, data.len());
        // What a particle of 64 MiB of these would take.
        let share = outcome.time * 64 * MIB as u64 / data.len() as u64;
        assert!(share < 50_000 + 64 * 4_000, "{share}");
        let share = outcome.memory * 64 * MIB as u64 / data.len() as u64;
        assert!(share < 5 * 64 * MIB as u64, "{share}");
    }
}

/// A balanced tree of instructions: no depth to speak of.
fn tree(leaf: &str, bytes: usize) -> String {
    let mut script = String::from(leaf);
    while script.len() < bytes / 2 {
        script = format!("(par {script} {script})");
    }
    script
}

#[test]
fn scripts_of_16_mib_meet_the_ceiling() {
    const SIZE: usize = 16 * MIB - 64;
    let prev_data = run("(null)").data;
    let fill = |piece: &str| piece.repeat(SIZE / piece.len());
    let names: String = (0..SIZE / 8)
        .map(|number| format!("n{number:06} "))
        .collect();
    let scripts = [
        format!("(call \"p\" (\"a\" \"b\") [{}])", fill("1 ")),
        format!(
            "(seq (ap 1 x) (call \"p\" (\"a\" \"b\") [{}]))",
            fill("x.$.[0].a.b ")
        ),
        format!("(call \"p\" (\"a\" \"b\") [{}])", names),
        format!("(ap \"{}\" x)", fill("a")),
        fill("(new $s "),
        fill("(seq "),
        fill(";\n") + "(null)",
        tree("(null)", SIZE),
        tree("(ap 1 $s)", SIZE),
        tree(
            "(call \"peer\" (\"service\" \"function\") [1 \"a\"] $s)",
            SIZE,
        ),
        tree("(xor (fail 1 \"\") (null))", SIZE),
        tree("(call %init_peer_id% (\"\" \"\") [])", SIZE),
    ];
    for script in scripts {
        let outcome = bounded(&script, &prev_data, &[]);
        let (begin, code, reason) = (&script[..20], outcome.ret_code, outcome.error_message);
        println!(
            "{begin:?}: {code} {reason}, {} us, {} bytes",
            outcome.time, outcome.memory
        );
        let known = [0, 1, code::BUDGET, code::STREAM_SIZE];
        assert!(known.contains(&code), "{code} {reason}");
        if code == code::BUDGET {
            assert_eq!(outcome.data, prev_data);
        }
    }
}
