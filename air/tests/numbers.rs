//! Numbers as the reference reads them, recorded by `tests/air-differential/numbers.mjs`: results
//! of calls, through lenses and canons, and literals; to the bit, in the bytes of a call's
//! arguments.

mod support;

use basalt_air::{CallResult, CallResults, Outcome};
use serde_json::Value;
use support::single::{run, step};

fn table() -> Value {
    serde_json::from_str(include_str!("vectors/numbers.json")).unwrap()
}

/// The bytes of the arguments in the only request, in hex.
fn arguments(outcome: &Outcome) -> String {
    let bytes = outcome.call_requests_raw();
    let name = b"arguments";
    let at = bytes.windows(name.len()).position(|window| window == name);
    let at = at.expect("a request") + name.len();
    let (start, len) = match bytes[at] {
        0xc4 => (at + 2, bytes[at + 1].into()),
        _ => (
            at + 3,
            usize::from(bytes[at + 1]) << 8 | usize::from(bytes[at + 2]),
        ),
    };
    let arguments = bytes[start..start + len].iter();
    arguments.map(|byte| format!("{byte:02x}")).collect()
}

/// What a row of the table has: the arguments, or the code of an error.
fn outcome(row: &Value) -> Result<&str, i64> {
    row[1].as_str().ok_or(row[1].as_i64().unwrap_or_default())
}

#[test]
fn results_of_calls() {
    let table = table();
    let air = table["air"].as_str().unwrap();
    let rows = table["values"].as_array().unwrap();
    assert!(rows.len() >= 400);
    let first = run(air);
    for row in rows {
        let text = row[0].as_str().unwrap();
        let result = CallResult {
            ret_code: 0,
            result: format!("{{\"a\":{text},\"b\":[{text}]}}"),
        };
        let ours = step(air, &first.data, &CallResults([(1, result)].into()));
        match outcome(row) {
            Ok(theirs) => assert_eq!(arguments(&ours), theirs, "{text}"),
            Err(code) => {
                assert_eq!(ours.ret_code, code, "{text}");
                assert_eq!(ours.error_message, row[2].as_str().unwrap(), "{text}");
            }
        }
    }
}

#[test]
fn literals() {
    for row in table()["literals"].as_array().unwrap() {
        let text = row[0].as_str().unwrap();
        let ours = run(&format!("(call %init_peer_id% (\"s\" \"g\") [{text}])"));
        match outcome(row) {
            Ok(theirs) => assert_eq!(arguments(&ours), theirs, "{text}"),
            Err(code) => assert_eq!(ours.ret_code, code, "{text}"),
        }
    }
}
