//! The native stack that a run needs, at most.

mod support;

use std::path::PathBuf;
use std::thread;

use basalt_air::{CallResult, CallResults};
use support::case::{Mode, check};
use support::files::{files, read_json};
use support::single::step;

/// What `docs/air.md` promises to be enough.
const STACK: usize = 64 << 10;

fn with_little_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK).spawn(work);
    thread.unwrap().join().unwrap();
}

#[test]
fn recorded_cases() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cases");
    for path in files(&[folder]) {
        // Reading a case is the test's own affair, and takes more.
        let case = read_json(&path);
        with_little_stack(move || {
            assert!(check(&case, Mode::Alone).is_none_or(|failures| failures.is_empty()));
        });
    }
}

#[test]
fn deep_scripts() {
    with_little_stack(|| {
        let (left, right) = ("(seq (null) ".repeat(90_000), ")".repeat(90_000));
        assert_eq!(
            step(&format!("{left}(null){right}"), &[], &CallResults::new()).ret_code,
            0
        );
    });
}

#[test]
fn deep_and_long_values() {
    // Objects whose keys are out of order: they are parsed, sorted and written again.
    let deep = |levels: usize| {
        format!(
            "{}0{}",
            "{\"b\":".repeat(levels),
            ",\"a\":1.50}".repeat(levels)
        )
    };
    let long = format!("[{}0]", "\"long\",".repeat(300_000));
    for (value, accepted) in [(deep(127), true), (deep(128), false), (long, true)] {
        with_little_stack(move || {
            let air = "(xor (seq (call %init_peer_id% (\"s\" \"f\") [] x)
                    (seq (ap x.$.b y) (seq (ap x $s) (seq (canon %init_peer_id% $s #canon)
                        (call %init_peer_id% (\"s\" \"g\") [#canon x :error:])))))
                (call %init_peer_id% (\"s\" \"failed\") [%last_error%]))";
            let first = step(air, &[], &CallResults::new());
            let answer = CallResult {
                ret_code: 0,
                result: value,
            };
            let second = step(air, &first.data, &[(1, answer)].into_iter().collect());
            let (_, request) = &second.call_requests[0];
            let raw = (request.arguments_raw(), second.call_requests_raw());
            assert!(!raw.0.is_empty() && !raw.1.is_empty());
            if accepted && request.function_name() == "g" {
                assert!(request.arguments().starts_with("[[{\"a\":1.5,\"b\":"));
            } else {
                assert_eq!(request.function_name(), "failed");
            }
        });
    }
}
