//! Second link: uses `chain_a`.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub struct Trail { pub steps: Vec<String>, pub total: u64 }

#[marine]
pub fn walk(text: String, times: u32) -> Trail {
    let mut t = Trail { steps: vec![text], total: 0 };
    for i in 0..times as usize { let next = mark(t.steps[i].clone()); t.total += next.len() as u64; t.steps.push(next); }
    t
}

#[marine]
#[module_import("chain_a")]
extern "C" { fn mark(text: String) -> String; }
