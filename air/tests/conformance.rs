//! Every recorded case of the reference, alone and chained.

mod support;

use std::path::PathBuf;

use support::case::{Mode, check};
use support::files::{files, read_json};

fn failures(mode: Mode) -> (usize, Vec<String>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cases");
    let mut count = 0;
    let mut failures = Vec::new();
    for path in files(&[folder]) {
        if let Some(found) = check(&read_json(&path), mode) {
            count += 1;
            failures.extend(
                found
                    .into_iter()
                    .map(|failure| format!("{path:?}: {failure}")),
            );
        }
    }
    (count, failures)
}

#[test]
fn steps_alone() {
    let (count, failures) = failures(Mode::Alone);
    assert_eq!(count, 383);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn steps_chained() {
    let (count, failures) = failures(Mode::Chained);
    assert_eq!(count, 383);
    assert!(failures.is_empty(), "{failures:#?}");
}
