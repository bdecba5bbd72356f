//! Grows its own memory and that of `limits` in turn.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

static mut KEPT: Vec<Vec<u8>> = Vec::new();

#[marine]
pub fn far_pages(n: u32) -> i32 { add_pages(n) }
#[marine]
pub fn near_pages(n: u32) -> i32 { core::arch::wasm32::memory_grow(0, n as usize) as i32 }
#[marine]
pub fn far_bytes(n: u32) -> u32 { hold_bytes(n) }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn alternate(size: u32, count: u32) -> u32 { let mut r = 0; for _ in 0..count { unsafe { KEPT.push(vec![3; size as usize]) } r = hold_bytes(size); } r }
#[marine]
pub fn ship(n: u32) -> u32 { eat_payload(vec![9; n as usize]) }
#[marine]
pub fn far_try(n: u32) -> bool { try_hold(n) }

#[marine]
pub fn eat_payload(data: Vec<u8>) -> u32 { data.len() as u32 }

#[marine]
#[module_import("limits")]
extern "C" {
    fn add_pages(n: u32) -> i32;
    fn hold_bytes(n: u32) -> u32;
    fn try_hold(n: u32) -> bool;
}
