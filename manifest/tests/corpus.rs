//! The fuzz target's check over its committed corpus and all that differs from it in one byte.

use std::{fs, path::Path};

#[allow(unreachable_pub, reason = "the fuzz target is another crate")]
#[path = "../fuzz/targets/manifest.rs"]
mod manifest;

#[test]
fn manifest_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/manifest");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let case = fs::read(entry.unwrap().path()).unwrap();
        manifest::check(&case);
        mutated(&case, manifest::check);
        cases += 1;
    }
    assert!(cases > 0);
}

/// Checks the case with each byte changed, and cut in front of each byte.
fn mutated(case: &[u8], check: impl Fn(&[u8])) {
    let mut changed = case.to_vec();
    for (index, &byte) in case.iter().enumerate() {
        check(&case[..index]);
        for other in [byte ^ 1, byte ^ 0x80, b'"', 0xff] {
            changed[index] = other;
            check(&changed);
        }
        changed[index] = byte;
    }
}
