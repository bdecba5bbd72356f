//! The fuzz target's check over its committed corpus.

use std::{fs, path::Path};

#[path = "../fuzz/targets/elf.rs"]
#[allow(unreachable_pub, reason = "the fuzz target is another crate")]
mod elf;

#[test]
fn elf_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/elf");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        elf::check(&fs::read(entry.unwrap().path()).unwrap());
        cases += 1;
    }
    assert!(cases > 0);
}
