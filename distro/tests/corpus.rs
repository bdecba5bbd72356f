//! The fuzz corpus as a plain test.

#[allow(unreachable_pub, reason = "the fuzz target is another crate")]
#[path = "../fuzz/targets/pack.rs"]
mod pack;

#[test]
fn pack_corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/pack");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        pack::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "an empty corpus tests nothing");
}
