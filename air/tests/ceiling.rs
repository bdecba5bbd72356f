//! What scripts and signatures cost is charged, and ends at the run's ceiling with error 20900 and
//! the previous data.

mod support;

use basalt_air::data::{Data, Signature};
use basalt_air::{
    Air, CallResult, CallResults, Config, Input, Interpreter, Outcome, Results, VerifiedSignatures,
    code,
};
use support::lore::lore_that_many_folds_read;
use support::single::params;

/// Limits that small attacks reach.
fn config() -> Config {
    Config {
        max_time: 10_000,
        max_memory: 2 << 20,
        ..Config::default()
    }
}

fn step(air: &str, prev_data: &[u8], current_data: &[u8], results: &CallResults) -> Outcome {
    let mut params = params();
    params.limits.particle = 1 << 20;
    let input = Input {
        air: Air::Text(air),
        prev_data,
        current_data,
        params: &params,
        call_results: Results::Typed(results),
    };
    Interpreter::new(config()).run(input, &mut VerifiedSignatures::new(0))
}

fn first(air: &str) -> Outcome {
    step(air, &[], &[], &CallResults::new())
}

/// Fails if the run did not end at its ceiling.
fn assert_stopped(outcome: &Outcome, prev_data: &[u8]) {
    assert_eq!(outcome.ret_code, code::BUDGET, "{}", outcome.error_message);
    assert_eq!(outcome.data, prev_data);
    assert!(outcome.call_requests.is_empty());
    // One instruction may go beyond, but not far.
    let time = 2 * config().max_time;
    assert!(outcome.time < time, "{} of {time}", outcome.time);
    let size = 4 * prev_data.len() as u64 + (3 << 20);
    assert!(outcome.memory < size, "{} of {size}", outcome.memory);
}

/// A script that fills a canon with `count` numbers, then runs `body`.
fn with_canon(count: usize, body: &str) -> String {
    let fill = (1..count).fold("(ap 1 $s)".to_owned(), |fill, _| {
        format!("(seq {fill} (ap 1 $s))")
    });
    format!("(seq (seq {fill} (canon %init_peer_id% $s #c)) {body})")
}

/// `body` in two folds over the canon.
fn in_two_folds(body: &str) -> String {
    format!("(fold #c i (seq (fold #c j (seq {body} (next j))) (next i)))")
}

#[test]
fn values_that_double_meet_the_ceiling() {
    let mut air = "(null)".to_owned();
    for level in 0..40 {
        let next = level + 1;
        let call = format!("(call %init_peer_id% (\"op\" \"array\") [s{level} s{level}] s{next})");
        air = format!("(seq {air} {call})");
    }
    let air = format!("(seq (ap \"0123456789\" s0) {air})");
    let mut outcome = first(&air);
    for _ in 0..40 {
        let prev_data = outcome.data.clone();
        let results: CallResults = outcome
            .call_requests
            .iter()
            .map(|(id, request)| {
                let result = request.arguments().to_owned();
                (
                    *id,
                    CallResult {
                        ret_code: 0,
                        result,
                    },
                )
            })
            .collect();
        outcome = step(&air, &prev_data, &[], &results);
        if outcome.ret_code != 0 {
            return assert_stopped(&outcome, &prev_data);
        }
    }
    panic!("{} bytes of data", outcome.data.len());
}

#[test]
fn a_call_that_waits_for_its_last_argument_is_charged() {
    let arguments = "1 ".repeat(1000);
    let call = format!("(call %init_peer_id% (\"a\" \"b\") [{arguments} missing])");
    let body = in_two_folds(&format!("(par {call} (null))"));
    let air = with_canon(
        60,
        &format!("(par (call \"away\" (\"\" \"\") [] missing) {body})"),
    );
    assert_stopped(&first(&air), &[]);
}

#[test]
fn long_names_and_lenses_are_charged() {
    let long = "k".repeat(20_000);
    let wait = format!("(par (ap {long} x) (null))");
    let air = with_canon(
        60,
        &format!(
            "(par (call \"away\" (\"\" \"\") [] {long}) {}",
            in_two_folds(&wait)
        ),
    );
    assert_stopped(&first(&format!("{air})")), &[]);
    let lens = format!("(xor (ap :error:.$.{long} x) (null))");
    assert_stopped(&first(&with_canon(60, &in_two_folds(&lens))), &[]);
}

#[test]
fn streams_that_a_name_does_not_mean_are_charged() {
    // Behind each `next` one more `new` is running that the use of `$t` does not stand in.
    let body = "(fold x i (seq (ap 1 $t) (new $t (next i))))";
    let air = format!("(seq (call %init_peer_id% (\"a\" \"b\") [] x) {body})");
    let asked = first(&air);
    let result = format!("[{}0]", "0,".repeat(999));
    let answer = CallResult {
        ret_code: 0,
        result,
    };
    let results = asked
        .call_requests
        .iter()
        .map(|(id, _)| (*id, answer.clone()));
    let outcome = step(&air, &asked.data, &[], &results.collect());
    // Half of the pairs of a thousand, at a nanosecond.
    let (time, message) = (outcome.time, outcome.error_message);
    assert!(time > 500, "{time} {message}");
}

#[test]
fn a_tree_larger_than_its_text_meets_the_ceiling() {
    let air = "(seq (call %init_peer_id% (\"a\" \"b\") [] x) (ap x.$.[0] y))";
    let asked = first(air);
    let result = format!("[{}0]", "0,".repeat(500_000));
    let answer = CallResult {
        ret_code: 0,
        result,
    };
    let results = asked
        .call_requests
        .iter()
        .map(|(id, _)| (*id, answer.clone()));
    let outcome = step(air, &asked.data, &[], &results.collect());
    assert_stopped(&outcome, &asked.data);
}

#[test]
fn lore_that_many_folds_read_is_charged() {
    let (air, data) = lore_that_many_folds_read(1_000);
    assert_stopped(&step(&air, &[], &data, &CallResults::new()), &[]);
}

/// Data with so many signatures of nothing.
fn signed(count: u32) -> Vec<u8> {
    let mut message = vec![0; 4];
    message.extend_from_slice(&6_u32.to_le_bytes());
    message.extend_from_slice(b"single");
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..count)
        .map(|number| {
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&number.to_le_bytes());
            let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(seed));
            let signature = pair.sk.sign(&message, None);
            (
                [&[0][..], &pair.pk[..]].concat(),
                [&[0][..], &signature[..]].concat(),
            )
        })
        .collect();
    Data {
        signatures: pairs
            .iter()
            .map(|(public_key, signature)| Signature {
                public_key,
                signature,
            })
            .collect(),
        ..Data::default()
    }
    .encode(0)
}

#[test]
fn signatures_are_charged_and_bounded_by_the_size() {
    let none = CallResults::new();
    let prev_data = first("(null)").data;
    let fair = step("(null)", &prev_data, &signed(20), &none);
    assert_eq!(fair.ret_code, 0, "{}", fair.error_message);
    assert!((20 * 40..20 * 50).contains(&fair.time), "{}", fair.time);
    let many = step("(null)", &prev_data, &signed(1_100), &none);
    assert_eq!(many.ret_code, code::BUDGET);
    assert_eq!(many.data, prev_data);
    assert!(many.time < 400, "{}", many.time);
}

/// Wherever a run ends, its data is whole: also behind its last instruction, where streams are put
/// in order.
#[test]
fn a_run_over_its_ceiling_keeps_the_previous_data_wherever_it_ends() {
    let params = params();
    let run = |air: &str, prev_data: &[u8], max_time| {
        let input = Input {
            air: Air::Text(air),
            prev_data,
            current_data: &[],
            params: &params,
            call_results: Results::Typed(&CallResults::new()),
        };
        let config = Config {
            max_time,
            time_per_mib: 0,
            ..Config::default()
        };
        Interpreter::new(config).run(input, &mut VerifiedSignatures::new(0))
    };
    let fill = (0..200).fold("(null)".to_owned(), |fill, _| {
        format!("(seq {fill} (ap 1 $s))")
    });
    let prev = run(&fill, &[], 1_000_000);
    assert_eq!(prev.ret_code, 0, "{}", prev.error_message);
    let mut stopped = 0;
    for max_time in 0.. {
        let outcome = run(&fill, &prev.data, max_time);
        assert!(outcome.data == prev.data, "after {max_time} µs");
        match outcome.ret_code {
            code::BUDGET => stopped += 1,
            code => {
                assert_eq!(code, 0, "{}", outcome.error_message);
                break;
            }
        }
    }
    assert!(stopped > 20, "{stopped}");
}

#[test]
fn a_script_that_is_refused_is_charged_for_as_much_as_was_parsed() {
    let interpreter = Interpreter::default();
    let params = params();
    let arguments = "x ".repeat(100_000);
    let script = format!("(seq (ap 1 x) (call %init_peer_id% (\"a\" \"b\") [{arguments}]))");
    let parsed = interpreter.parse(&script).unwrap();
    let wrong = format!("{script})");
    let error = interpreter.parse(&wrong).unwrap_err();
    let run = |air| {
        let input = Input {
            air,
            prev_data: &[],
            current_data: &[],
            params: &params,
            call_results: Results::Typed(&CallResults::new()),
        };
        interpreter.run(input, &mut VerifiedSignatures::new(0)).time
    };
    let refused = run(Air::Refused(&wrong, &error));
    assert!(
        10 * refused >= 9 * parsed.parsing(),
        "{refused} of {}",
        parsed.parsing()
    );
}
