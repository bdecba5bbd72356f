//! The fuzz targets over their kept corpus.

#![allow(
    unreachable_pub,
    reason = "the targets are shared with libFuzzer entries"
)]

use std::fs;
use std::path::PathBuf;

#[path = "../fuzz/targets/data.rs"]
mod data;
#[path = "../fuzz/targets/merge.rs"]
mod merge;
#[path = "../fuzz/targets/parser.rs"]
mod parser;

fn run(name: &str, check: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        check(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{folder:?} is empty");
}

#[test]
fn parser_corpus() {
    run("parser", parser::check);
}

#[test]
fn data_corpus() {
    run("data", data::check);
}

#[test]
fn merge_corpus() {
    run("merge", merge::check);
}
