//! The reference's quirks (AIR spec section 9), each with a test that fails when it is dropped.
//!
//! Quirk 1 (empty generations and the cursor of a fold) is tested beside its code, in
//! `scopes/streams.rs`.

mod support;

use std::path::PathBuf;

use basalt_air::code;
use support::case::{Mode, check};
use support::files::{files, read_json};
use support::single::{arguments, run};

/// Replays a recorded case, named without its number.
fn recorded(name: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cases");
    let path = files(&[folder])
        .into_iter()
        .find(|path| path.file_stem().unwrap().to_str().unwrap()[4..] == *name)
        .unwrap_or_else(|| panic!("no case {name}"));
    let case = read_json(&path);
    for mode in [Mode::Alone, Mode::Chained] {
        assert_eq!(check(&case, mode).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn quirk_2_states_lost_before_a_failure() {
    recorded("ap-map-bad-key-float");
    recorded("canon-peer-not-string");
}

#[test]
fn quirk_3_malformed_results_are_not_signed() {
    recorded("call-result-not-json-xor-remote");
}

#[test]
fn quirk_4_completeness_behind_a_swallowed_error() {
    recorded("fold-stream-error-suppressed");
}

#[test]
fn quirk_5_par_leaves_the_error() {
    let seen = arguments(
        "(seq (par (fail 5 \"five\") (null)) \
         (call %init_peer_id% (\"s\" \"f\") [:error:.$.error_code]))",
    );
    assert_eq!(seen, "[10006]");
}

#[test]
fn quirk_6_later_errors_do_not_replace_it() {
    let seen = arguments(
        "(seq (seq (par (match 1 2 (null)) (null)) (par (fail 6 \"six\") (null))) \
         (call %init_peer_id% (\"s\" \"f\") [:error:.$.error_code %last_error%.$.error_code]))",
    );
    assert_eq!(seen, "[10001,6]");
}

#[test]
fn quirk_7_executed_without_its_arguments() {
    recorded("panic-joinable-args-executed");
}

#[test]
fn quirk_8_ap_to_the_iterator() {
    recorded("panic-ap-to-iterator");
}

#[test]
fn quirk_9_empty_keys_and_foreign_names() {
    recorded("panic-empty-public-key");
    assert_eq!(run("(seq (ap 1 x) (ap x.$.né y))").ret_code, code::PARSE);
}

#[test]
fn a_hostile_script_meets_its_budget() {
    let numbers = (0..11).fold("(null)".to_owned(), |body, level| {
        format!("(fold #c i{level} (seq {body} (next i{level})))")
    });
    let fill = (0..9).fold("(ap 1 $s)".to_owned(), |fill, _| {
        format!("(seq {fill} (ap 1 $s))")
    });
    let air = format!("(seq (seq {fill} (canon %init_peer_id% $s #c)) {numbers})");
    let outcome = run(&air.replace("#c", "#canon"));
    assert_eq!(outcome.ret_code, code::BUDGET, "{}", outcome.error_message);
    assert!(outcome.data.is_empty());
}

#[test]
fn values_that_double_meet_their_budget() {
    let mut air = "(ap \"0123456789\" $s0)".to_owned();
    for level in 0..40 {
        air = format!(
            "(seq {air} (seq (canon %init_peer_id% $s{level} #canon{level}) \
             (seq (ap #canon{level} $s{next}) (ap #canon{level} $s{next}))))",
            next = level + 1
        );
    }
    let outcome = run(&air);
    assert_eq!(outcome.ret_code, code::BUDGET, "{}", outcome.error_message);
}

#[test]
fn deep_scripts_and_values_need_no_native_stack() {
    let depth = 90_000;
    let air = format!(
        "{}(null){}",
        "(seq (null) ".repeat(depth),
        ")".repeat(depth)
    );
    assert_eq!(run(&air).ret_code, 0);
    let air = format!(
        "{}(null){}",
        "(seq (null) ".repeat(110_000),
        ")".repeat(110_000)
    );
    assert_eq!(run(&air).ret_code, code::PARSE);
}
