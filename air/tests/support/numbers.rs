//! Numbers as the reference reads and writes them (`tests/air-differential/numbers.mjs`): results
//! of calls, through lenses and canons, and literals, to the bit, in the bytes of a call's
//! arguments; and in the texts of errors.

use std::format;
use std::string::String;
use std::vec::Vec;

use basalt_air::{CallResult, CallResults, Outcome};
use serde_json::Value;

use super::single::{run, step};

/// Goes through the lists of the table: how many rows held, and a line for each that did not.
pub fn check(table: &Value) -> (usize, Vec<String>) {
    let rows = |list: &str| table[list].as_array().into_iter().flatten();
    let (mut passed, mut failures) = (0, Vec::new());
    let mut note = |failure: Option<String>| match failure {
        None => passed += 1,
        Some(failure) => failures.push(failure),
    };
    let air = table["air"].as_str().unwrap_or_default();
    let first = run(air);
    for row in rows("values") {
        let text = row[0].as_str().unwrap_or_default();
        let result = CallResult {
            ret_code: 0,
            result: format!("{{\"a\":{text},\"b\":[{text}]}}"),
        };
        let ours = step(air, &first.data, &CallResults([(1, result)].into()));
        let same_words = row[2]
            .as_str()
            .is_none_or(|words| words == ours.error_message);
        note(
            difference(row, &ours)
                .or((!same_words).then(|| format!("{text}: {}", ours.error_message))),
        );
    }
    for row in rows("literals") {
        let text = row[0].as_str().unwrap_or_default();
        let ours = run(&format!("(call %init_peer_id% (\"s\" \"g\") [{text}])"));
        note(difference(row, &ours));
    }
    let mut note_told = |air: &str, previous: &[u8], ours: &Outcome, theirs: &Value| {
        let same = match theirs.as_str() {
            // The reference crashes: its host has an error and keeps the data.
            Some("trap") => ours.ret_code != 0 && ours.data == previous,
            theirs => theirs == Some(&told(ours)),
        };
        note((!same).then(|| format!("{air}: {} instead of {theirs}", told(ours))));
    };
    for row in rows("errors") {
        let result = row[0].as_str().unwrap_or_default();
        for (index, air) in rows("scripts").enumerate() {
            let air = air.as_str().unwrap_or_default();
            let first = run(air);
            let result = CallResult {
                ret_code: 0,
                result: result.into(),
            };
            let ours = step(air, &first.data, &CallResults([(1, result)].into()));
            note_told(air, &first.data, &ours, &row[index + 1]);
        }
    }
    for row in rows("literal_errors") {
        let air = row[0].as_str().unwrap_or_default();
        note_told(air, &[], &run(air), &row[1]);
    }
    (passed, failures)
}

/// The arguments of the only request in hex, or code and text of the error.
fn told(outcome: &Outcome) -> String {
    arguments(outcome).unwrap_or_else(|| format!("{} {}", outcome.ret_code, outcome.error_message))
}

/// What is wrong with the outcome for a row, which has the arguments, or the code of an error.
fn difference(row: &Value, ours: &Outcome) -> Option<String> {
    match (row[1].as_str(), row[1].as_i64()) {
        (Some(theirs), _) => {
            let ours = arguments(ours);
            (ours.as_deref() != Some(theirs)).then(|| format!("{}: {ours:?}", row[0]))
        }
        (None, code) => {
            (code != Some(ours.ret_code)).then(|| format!("{}: {}", row[0], ours.ret_code))
        }
    }
}

/// The bytes of the arguments in the only request, in hex.
fn arguments(outcome: &Outcome) -> Option<String> {
    let bytes = outcome.call_requests_raw();
    let name = b"arguments";
    let at = bytes
        .windows(name.len())
        .position(|window| window == name)?
        + name.len();
    let (start, len) = match bytes[at] {
        0xc4 => (at + 2, bytes[at + 1].into()),
        _ => (
            at + 3,
            usize::from(bytes[at + 1]) << 8 | usize::from(bytes[at + 2]),
        ),
    };
    let arguments = bytes[start..start + len].iter();
    Some(arguments.map(|byte| format!("{byte:02x}")).collect())
}
