//! The fuzz target's check over its committed corpus.

use std::{fs, path::Path};

#[allow(unreachable_pub, reason = "the fuzz target is another crate")]
#[path = "../fuzz/targets/manifest.rs"]
mod manifest;

#[test]
fn manifest_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/manifest");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        manifest::check(&fs::read(entry.unwrap().path()).unwrap());
        cases += 1;
    }
    assert!(cases > 0);
}
