//! Numbers as the reference reads and writes them.

mod support;

use serde_json::Value;

#[test]
fn numbers_are_read_as_recorded() {
    let table: Value = serde_json::from_str(include_str!("vectors/numbers.json")).unwrap();
    assert!(table["values"].as_array().unwrap().len() >= 400);
    let (passed, failures) = support::numbers::check(&table);
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(passed > 2_500, "{passed}");
}
