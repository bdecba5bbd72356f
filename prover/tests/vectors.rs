//! Recorded vectors of the reference, the fast ones: no whole dataset, one or two caches.

#[path = "support/vectors.rs"]
mod support;

use basalt_prover::memory::Mmap;
use basalt_prover::randomx::vm::Engine;
use support::Checker;

/// Checks a file and that all its `count` vectors were found.
#[track_caller]
fn check(file: &str, count: usize) {
    let value = serde_json::from_str(file).expect("JSON");
    let mut checker = Checker::new(Mmap::default(), Engine::Jit, None);
    checker.check(&value).expect("a known schema");
    assert_eq!(checker.failures, Vec::<String>::new());
    assert_eq!(checker.passed, count);
}

macro_rules! files {
    ($($name:ident: $file:literal, $count:literal;)*) => {
        $(#[test]
        fn $name() {
            check(include_str!(concat!("vectors/", $file, ".json")), $count);
        })*
    };
}

files! {
    reciprocal: "reciprocal", 21;
    keccak256: "keccak256", 15;
    nonce_next: "nonce-next", 6;
    difficulty: "difficulty", 154;
    blake2_generator: "blake2-generator", 8;
    superscalar: "superscalar", 5;
    aes: "aes", 40;
    hashes_and_items: "light", 9;
}
