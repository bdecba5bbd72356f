//! The generator of random scripts makes every construct that a rule of the interpreter is about.

mod support;

use std::collections::BTreeMap;

use support::constructs;
use support::scripts::{keys, script, style};

#[test]
fn every_construct_is_made() {
    let peers: Vec<String> = keys().into_iter().map(|(id, _)| id).collect();
    let mut met: BTreeMap<&str, u32> = constructs::all().map(|name| (name, 0)).collect();
    for seed in 0..4_000 {
        for construct in constructs::of(&script(seed, &peers, style(seed))) {
            *met.entry(construct).or_default() += 1;
        }
    }
    met.retain(|_, count| *count < 4);
    assert!(met.is_empty(), "too rare in 4,000 scripts: {met:?}");
}
