//! Calls `faults`, so that the failure happens one module deeper.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

static mut SEEN: u32 = 0;

#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn seen() -> u32 { unsafe { SEEN } }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn deep_panic(text: String) -> u32 { unsafe { SEEN += 1 } fault_panic(text) }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn deep_exit(code: i32) -> u32 { unsafe { SEEN += 1 } fault_exit(code) }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn deep_index(list: Vec<u32>, at: u32) -> u32 { unsafe { SEEN += 1 } fault_index(list, at) }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn deep_utf8(data: Vec<u8>) -> u32 { unsafe { SEEN += 1 } fault_utf8(data).len() as u32 }
#[marine]
pub fn deep_tick() -> u32 { tick() }

#[marine]
#[module_import("faults")]
extern "C" {
    fn tick() -> u32;
    fn fault_panic(text: String) -> u32;
    fn fault_exit(code: i32) -> u32;
    fn fault_index(list: Vec<u32>, at: u32) -> u32;
    fn fault_utf8(data: Vec<u8>) -> String;
}
