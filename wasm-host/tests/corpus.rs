//! Runs the fuzz targets over their committed inputs, and over a fixed stream of pseudo-random
//! ones.
#![allow(
    clippy::duplicate_mod,
    reason = "each target stands alone for the fuzzer, with its own host"
)]

#[path = "../fuzz/targets/arguments.rs"]
#[allow(unreachable_pub, reason = "targets are shared with the fuzzer")]
mod arguments;
#[path = "../fuzz/targets/interface.rs"]
#[allow(unreachable_pub, reason = "targets are shared with the fuzzer")]
mod interface;
#[path = "../fuzz/targets/module.rs"]
#[allow(unreachable_pub, reason = "targets are shared with the fuzzer")]
mod module;
#[path = "../fuzz/targets/txn.rs"]
#[allow(unreachable_pub, reason = "targets are shared with the fuzzer")]
mod txn;
#[path = "../fuzz/targets/wasi.rs"]
#[allow(unreachable_pub, reason = "targets are shared with the fuzzer")]
mod wasi;

use std::path::Path;

fn corpus(name: &str, check: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let files: Vec<_> = std::fs::read_dir(dir).expect("corpus").flatten().collect();
    assert!(!files.is_empty(), "no corpus for {name}");
    for file in files {
        check(&std::fs::read(file.path()).expect("input"));
    }
}

/// Inputs of one target that are the same on every run.
fn stream(check: fn(&[u8]), inputs: u32, len: usize) {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..inputs {
        let input: Vec<u8> = (0..len)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                (seed >> 32) as u8
            })
            .collect();
        check(&input);
    }
}

#[test]
fn module_corpus() {
    corpus("module", module::check);
}

#[test]
fn interface_corpus() {
    corpus("interface", interface::check);
}

#[test]
fn arguments_corpus() {
    corpus("arguments", arguments::check);
}

#[test]
fn wasi_corpus() {
    corpus("wasi", wasi::check);
    stream(wasi::check, 100, 400);
}

#[test]
fn txn_corpus() {
    corpus("txn", txn::check);
    stream(txn::check, 300, 1000);
}
