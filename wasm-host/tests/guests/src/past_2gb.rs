//! Values that live above 2 GiB: pointers with the top bit set.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub struct Parcel { pub tag: String, pub data: Vec<u8>, pub nums: Vec<u32>, pub inner: Vec<Vec<String>> }

/// grow past 2 GiB, then use up what is left of the low heap; true if new blocks lie above
#[marine]
pub fn climb() -> bool {
    if core::arch::wasm32::memory_grow(0, 32768) == usize::MAX { return false; }
    for shift in (3..18).rev() {
        loop {
            let v: Vec<u8> = Vec::with_capacity(1 << shift);
            let p = v.as_ptr() as usize;
            if p >= 1 << 31 { break; }
            std::mem::forget(v);
        }
    }
    is_high()
}
#[marine]
pub fn is_high() -> bool { let b = Box::new([1u32; 64]); (&*b as *const u32 as usize) >= 1 << 31 }
#[marine]
pub fn high_text(text: String) -> String { format!("{text}{text}") }
#[marine]
pub fn high_bytes(data: Vec<u8>) -> Vec<u8> { data.into_iter().map(|b| b ^ 255).collect() }
#[marine]
pub fn high_nums(nums: Vec<u64>) -> Vec<u64> { nums.into_iter().map(|n| n * 3).collect() }
#[marine]
pub fn high_parcel(parcel: Parcel) -> Parcel { Parcel { tag: parcel.tag + "+", data: parcel.data, nums: parcel.nums.into_iter().rev().collect(), inner: vec![parcel.inner.concat()] } }
#[marine]
pub fn arg_is_high(data: Vec<u8>) -> bool { data.as_ptr() as usize >= 1 << 31 }
