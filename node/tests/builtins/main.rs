//! Conformance of the built-in services: each call with its exact result.

mod authors;
mod bench;
mod cases;
mod disk;
mod exact;
mod guarded;
mod house;
mod ipfs;
mod mistakes;
mod numbers;
mod services;
mod workers;

use basalt_node::builtins::{manual, table};

#[test]
fn the_manual_is_current() {
    let written = include_str!("../../../docs/builtins.md");
    assert!(
        written == manual(),
        "print it anew: cargo run -p basalt-node --example builtins > docs/builtins.md"
    );
}

#[test]
fn every_function_stands_in_the_table_once() {
    let mut names: Vec<_> = table().map(|row| (row.service, row.function)).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_function_has_a_case() {
    for row in table() {
        let tested = cases::cases().any(|case| case.0 == row.service && case.1 == row.function)
            || guarded::TESTED.contains(&(row.service, row.function))
            || ipfs::TESTED.contains(&(row.service, row.function))
            || services::TESTED.contains(&(row.service, row.function))
            || workers::TESTED.contains(&(row.service, row.function));
        assert!(tested, "{}.{} has no case", row.service, row.function);
    }
}
