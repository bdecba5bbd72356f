//! First link of a three-module chain; also the smallest example of one string function.
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub fn mark(text: String) -> String { format!("<{text}>") }
