//! One function per scalar type, plus strings and byte vectors.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub fn flip(v: bool) -> bool { !v }
#[marine]
pub fn next_i8(v: i8) -> i8 { v.wrapping_add(1) }
#[marine]
pub fn next_i16(v: i16) -> i16 { v.wrapping_add(1) }
#[marine]
pub fn next_i32(v: i32) -> i32 { v.wrapping_add(1) }
#[marine]
pub fn next_i64(v: i64) -> i64 { v.wrapping_add(1) }
#[marine]
pub fn next_u8(v: u8) -> u8 { v.wrapping_add(1) }
#[marine]
pub fn next_u16(v: u16) -> u16 { v.wrapping_add(1) }
#[marine]
pub fn next_u32(v: u32) -> u32 { v.wrapping_add(1) }
#[marine]
pub fn next_u64(v: u64) -> u64 { v.wrapping_add(1) }
#[marine]
pub fn half_f32(v: f32) -> f32 { v / 2.0 }
#[marine]
pub fn half_f64(v: f64) -> f64 { v / 2.0 }
#[marine]
pub fn shout(text: String) -> String { text.to_uppercase() }
#[marine]
pub fn char_count(text: &str) -> u32 { text.chars().count() as u32 }
#[marine]
pub fn owned_len(text: &String) -> u64 { text.len() as u64 }
#[marine]
pub fn mirror_bytes(data: Vec<u8>) -> Vec<u8> { data.into_iter().rev().collect() }
#[marine]
pub fn xor_bytes(data: &Vec<u8>) -> u8 { data.iter().fold(0, |a, b| a ^ b) }

/// results chosen by the guest, so that values out of reach of a JSON argument can be returned
#[marine]
pub fn parse_u32(text: String) -> u32 { text.parse().unwrap_or(0) }
#[marine]
pub fn parse_u64(text: String) -> u64 { text.parse().unwrap_or(0) }
#[marine]
pub fn parse_i64(text: String) -> i64 { text.parse().unwrap_or(0) }
#[marine]
pub fn parse_f32(text: String) -> f32 { text.parse().unwrap_or(0.0) }
#[marine]
pub fn parse_f64(text: String) -> f64 { text.parse().unwrap_or(0.0) }

static mut CALLS: u32 = 0;
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn touch() { unsafe { CALLS += 1 } }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn touched() -> u32 { unsafe { CALLS } }

#[marine]
pub fn describe(flag: bool, a: i8, b: i16, c: i32, d: i64, e: u8, f: u16, g: u32, h: u64, x: f32, y: f64, text: String, data: Vec<u8>) -> String {
    format!("{flag} {a} {b} {c} {d} {e} {f} {g} {h} {x} {y} {text:?} {data:?}")
}
