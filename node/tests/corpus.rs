//! Each fuzz target's check over its committed corpus.
#![allow(unreachable_pub, reason = "the fuzz targets are another crate")]

use std::{fs, path::Path};

#[path = "../fuzz/targets/builtins.rs"]
mod builtins;
#[path = "../fuzz/targets/chain.rs"]
mod chain;
#[path = "../fuzz/targets/http_answer.rs"]
mod http_answer;
#[path = "../fuzz/targets/http_request.rs"]
mod http_request;
#[path = "../fuzz/targets/ipfs.rs"]
mod ipfs;
#[path = "../fuzz/targets/spell_config.rs"]
mod spell_config;

fn each(name: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        check(&fs::read(entry.unwrap().path()).unwrap());
        cases += 1;
    }
    assert!(cases > 0, "no corpus for {name}");
}

#[test]
fn builtins_corpus() {
    each("builtins", builtins::check);
}

#[test]
fn chain_corpus() {
    each("chain", chain::check);
}

#[test]
fn http_answer_corpus() {
    each("http_answer", http_answer::check);
}

#[test]
fn http_request_corpus() {
    each("http_request", http_request::check);
}

#[test]
fn ipfs_corpus() {
    each("ipfs", ipfs::check);
}

#[test]
fn spell_config_corpus() {
    each("spell_config", spell_config::check);
}
