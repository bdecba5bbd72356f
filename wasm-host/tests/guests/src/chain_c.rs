//! Third link and facade: uses `chain_a` and `chain_b`.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub struct Trail { pub steps: Vec<String>, pub total: u64 }

#[marine]
pub fn journey(words: Vec<String>, times: u32) -> Vec<Trail> { words.into_iter().map(|w| walk(mark(w), times)).collect() }
#[marine]
pub fn longest(words: Vec<String>, times: u32) -> String { journey(words, times).into_iter().filter_map(|mut t| t.steps.pop()).max_by_key(|s| s.len()).unwrap_or_default() }

#[marine]
#[module_import("chain_a")]
extern "C" { fn mark(text: String) -> String; }
#[marine]
#[module_import("chain_b")]
extern "C" { fn walk(text: String, times: u32) -> Trail; }
