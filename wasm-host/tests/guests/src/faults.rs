//! Ways to fail: at start (chosen by the environment variable FAULT_AT_START) and inside a call.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();

static mut TICKS: u32 = 0;

fn main() { // SAFETY: a module has one thread, and the static is borrowed on this line only.
    unsafe { TICKS = 10 }
    match std::env::var("FAULT_AT_START").as_deref() {
        Ok("panic") => panic!("start failed on purpose"),
        Ok("unreachable") => core::arch::wasm32::unreachable(),
        Ok("exit0") => std::process::exit(0),
        Ok("exit5") => std::process::exit(5),
        Ok("abort") => std::process::abort(),
        _ => {}
    }
}

#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn tick() -> u32 { unsafe { TICKS += 1; TICKS } }
#[marine]
pub fn fault_panic(text: String) -> u32 { tick(); panic!("{}", text) }
#[marine]
pub fn fault_unreachable() -> u32 { tick(); core::arch::wasm32::unreachable() }
#[marine]
pub fn fault_exit(code: i32) -> u32 { tick(); std::process::exit(code) }
#[marine]
pub fn fault_abort() { tick(); std::process::abort() }
#[marine]
pub fn fault_index(list: Vec<u32>, at: u32) -> u32 { tick(); list[at as usize] }
#[marine]
pub fn fault_divide(a: i32, b: i32) -> i32 { tick(); a / b }
/// a string result that is not UTF-8
#[marine] // SAFETY: none, on purpose: what a host makes of a text that is no UTF-8 is the question.
pub fn fault_utf8(data: Vec<u8>) -> String { tick(); unsafe { String::from_utf8_unchecked(data) } }
