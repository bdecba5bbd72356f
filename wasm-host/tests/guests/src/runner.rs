//! Starts mounted binaries: `curl` from the oldest host namespace, `tool` from the newest.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest, MountedBinaryResult, MountedBinaryStringResult};
module_manifest!();
fn main() {}

#[marine]
pub fn fetch_raw(url: String) -> MountedBinaryResult { curl(vec!["-s".into(), url]) }
#[marine]
pub fn fetch_text(url: String) -> MountedBinaryStringResult { curl(vec![url]).stringify().unwrap_or_default() }
#[marine]
pub fn fetch_len(words: Vec<String>) -> i64 { let r = curl(words); if r.is_success() { r.stdout.len() as i64 } else { -(r.ret_code as i64) } }
#[marine]
pub fn use_tool(words: Vec<String>) -> MountedBinaryResult { tool(words) }

#[marine]
#[module_import("host")]
extern "C" { fn curl(cmd: Vec<String>) -> MountedBinaryResult; }

#[marine]
#[host_import]
extern "C" { fn tool(cmd: Vec<String>) -> MountedBinaryResult; }
