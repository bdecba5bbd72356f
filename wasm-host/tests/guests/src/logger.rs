//! Log records of every level, with a target map; the level comes from WASM_LOG.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest, TargetMap, WasmLoggerBuilder};
module_manifest!();

fn main() {
    let mut map = TargetMap::new();
    map.insert("low", 1);
    map.insert("high", 1 << 20);
    WasmLoggerBuilder::new().with_target_map(map).build().unwrap();
    log::info!("logger ready");
}

/// one record per level; which levels the guest lets through
#[marine]
pub fn speak(text: String) -> Vec<bool> {
    log::error!("{}", text);
    log::warn!("{}", text);
    log::info!("{}", text);
    log::debug!("{}", text);
    log::trace!("{}", text);
    vec![log::log_enabled!(log::Level::Error), log::log_enabled!(log::Level::Warn), log::log_enabled!(log::Level::Info), log::log_enabled!(log::Level::Debug), log::log_enabled!(log::Level::Trace)]
}
#[marine]
pub fn speak_to(target: String, text: String) -> String { log::warn!(target: &target, "{}", text); format!("{target}: {text}") }
/// straight to the host function, with a level and target the logger would not produce
#[marine] // SAFETY: pointer and length are those of a live vector.
pub fn speak_raw(level: i32, target: i32, data: Vec<u8>) -> u32 { unsafe { log_utf8_string(level, target, data.as_ptr() as i32, data.len() as i32) } data.len() as u32 }

#[link(wasm_import_module = "__marine_host_api_v3")]
extern "C" { fn log_utf8_string(level: i32, target: i32, ptr: i32, len: i32); }
