//! The fuzz targets over their saved inputs.
#![allow(unreachable_pub, reason = "the targets are shared with the fuzzer")]

#[path = "../fuzz/targets/records.rs"]
mod records;
#[path = "../fuzz/targets/rpc.rs"]
mod rpc;

fn run(corpus: &str, check: fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{corpus}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("a corpus") {
        check(&std::fs::read(file.expect("an entry").path()).expect("a readable file"));
        count += 1;
    }
    assert!(count > 0, "the corpus is empty");
}

#[test]
fn rpc_corpus() {
    run("rpc", rpc::check);
}

#[test]
fn records_corpus() {
    run("records", records::check);
}
