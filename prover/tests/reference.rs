//! The C++ reference as an oracle: `cargo test --release -p basalt-prover --features reference
//! --test reference`. Needs cmake and a C++ compiler.
#![cfg(feature = "reference")]

use basalt_prover::memory::Mmap;
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{Cache, Source, Upstream, Vm};
use randomx_rs::{RandomXCache, RandomXFlag, RandomXVM};

/// Keys, and inputs per key: a key costs a cache on both sides.
const KEYS: usize = 20;
const INPUTS: usize = 50;

fn bytes(seed: &mut u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|_| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*seed >> 56) as u8
        })
        .collect()
}

#[test]
fn a_thousand_hashes_agree() {
    let (memory, mut seed) = (Mmap::default(), 5);
    let flags = RandomXFlag::get_recommended_flags();
    let mut vm = Vm::new(&memory, Engine::Jit).expect("memory");
    for k in 0..KEYS {
        let key = bytes(&mut seed, 1 + k * 3);
        let cache = Cache::<Upstream>::new(&memory, &key).expect("memory");
        let oracle = RandomXCache::new(flags, &key).expect("a cache");
        let oracle = RandomXVM::new(flags, Some(oracle), None).expect("a machine");
        for i in 0..INPUTS {
            let input = bytes(&mut seed, 1 + i * 7);
            let expected = oracle.calculate_hash(&input).expect("a hash");
            assert_eq!(vm.hash(Source::Light(&cache), &input).as_slice(), expected);
        }
    }
}
