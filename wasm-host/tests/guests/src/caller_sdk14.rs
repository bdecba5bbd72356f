//! Call parameters in the layout of marine-rs-sdk 0.14.
#![allow(improper_ctypes)]
use marine_rs_sdk::{get_call_parameters, marine, module_manifest, CallParameters};
module_manifest!();
fn main() {}

/// the whole record
#[marine]
pub fn whole_call() -> CallParameters { get_call_parameters() }
/// the same as flat text
#[marine]
pub fn call_lines() -> Vec<String> {
    let c = get_call_parameters();
    let p = c.particle;
    let mut v = vec![p.id, p.init_peer_id, p.timestamp.to_string(), p.ttl.to_string(), p.script, format!("{:?}", p.signature), p.token, c.service_id, c.service_creator_peer_id, c.host_id, c.worker_id];
    for (i, a) in c.tetraplets.into_iter().enumerate() { for t in a { v.push(format!("{i}|{}|{}|{}|{}", t.peer_pk, t.service_id, t.function_name, t.lens)); } }
    v
}
/// number of tetraplets of each argument
#[marine]
pub fn arg_origins(_a: String, _b: u32) -> Vec<u32> { get_call_parameters().tetraplets.iter().map(|t| t.len() as u32).collect() }
