//! Asks a module with the oldest call-parameter layout and compares with its own view of the call.
#![allow(improper_ctypes)]
use marine_rs_sdk::{get_call_parameters, marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub struct Views { pub inner: Vec<String>, pub outer: Vec<String>, pub origins: Vec<u32> }

#[marine]
pub fn both_views(text: String) -> Views {
    let inner = call_lines();
    let origins = arg_origins(text, 7);
    let c = get_call_parameters();
    Views { inner, outer: vec![c.particle.init_peer_id, c.service_id, c.service_creator_peer_id, c.host_id, c.particle.id], origins }
}

#[marine]
#[module_import("caller_sdk10")]
extern "C" {
    fn call_lines() -> Vec<String>;
    fn arg_origins(a: String, b: u32) -> Vec<u32>;
}
