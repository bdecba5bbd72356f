//! Memory growth under a service-wide limit.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

static mut HELD: Vec<Vec<u8>> = Vec::new();

/// memory.grow: the old size in pages, or -1
#[marine]
pub fn add_pages(n: u32) -> i32 { core::arch::wasm32::memory_grow(0, n as usize) as i32 }
#[marine]
pub fn page_count() -> u32 { core::arch::wasm32::memory_size(0) as u32 }
/// keeps `n` bytes; the allocator aborts when there is no memory
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn hold_bytes(n: u32) -> u32 { unsafe { HELD.push(vec![7; n as usize]); HELD.iter().map(|v| v.len() as u32).sum() } }
/// keeps `n` bytes if it can: the error is handled inside the guest
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn try_hold(n: u32) -> bool { let mut v = Vec::new(); let ok = v.try_reserve_exact(n as usize).is_ok(); if ok { unsafe { HELD.push(v) } } ok }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn hold_pieces(size: u32, count: u32) -> u32 { for _ in 0..count { hold_bytes(size); } unsafe { HELD.len() as u32 } }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn let_go() -> u32 { unsafe { let n = HELD.len(); HELD.clear(); n as u32 } }
