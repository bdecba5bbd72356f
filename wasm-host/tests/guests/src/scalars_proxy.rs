//! Forwards to `scalars` through imports; the facade of a two-module service.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub fn pass_flag(v: bool) -> bool { flip(v) }
#[marine]
pub fn pass_small(a: i8, b: i16, c: u8, d: u16) -> i64 { next_i8(a) as i64 * 1_000_000_000 + next_i16(b) as i64 * 100_000 + next_u8(c) as i64 + next_u16(d) as i64 }
#[marine]
pub fn pass_i32(v: i32) -> i32 { next_i32(v) }
#[marine]
pub fn pass_i64(v: i64) -> i64 { next_i64(v) }
#[marine]
pub fn pass_u32(v: u32) -> u32 { next_u32(v) }
#[marine]
pub fn pass_u64(v: u64) -> u64 { next_u64(v) }
#[marine]
pub fn pass_f32(v: f32) -> f32 { half_f32(v) }
#[marine]
pub fn pass_f64(v: f64) -> f64 { half_f64(v) }
#[marine]
pub fn pass_text(text: String) -> String { shout(text) }
#[marine]
pub fn measure(text: String) -> Vec<u64> { let n = char_count(&text) as u64; vec![n, owned_len(&text)] }
#[marine]
pub fn pass_bytes(data: Vec<u8>) -> Vec<u8> { let x = xor_bytes(&data); let mut r = mirror_bytes(data); r.push(x); r }
/// the large value is made in `scalars` and has to cross the module border
#[marine]
pub fn remote_u32(text: String) -> String { parse_u32(text).to_string() }
#[marine]
pub fn remote_u64(text: String) -> String { parse_u64(text).to_string() }
/// the large value is made here and passed as an argument
#[marine]
pub fn local_u32(text: String) -> String { next_u32(text.parse().unwrap_or(0)).to_string() }
#[marine]
pub fn local_u64(text: String) -> String { next_u64(text.parse().unwrap_or(0)).to_string() }
#[marine]
pub fn touch_twice() -> u32 { touch(); touch(); touched() }
#[marine]
pub fn describe_extremes(low: bool) -> String {
    if low { describe(false, i8::MIN, i16::MIN, i32::MIN, i64::MIN, 0, 0, 0, 0, f32::MIN, f64::MIN, String::new(), vec![]) }
    else { describe(true, i8::MAX, i16::MAX, i32::MAX, i64::MAX, u8::MAX, u16::MAX, i32::MAX as u32, i64::MAX as u64, f32::MAX, f64::MAX, "Zażółć \u{1F680}".into(), (0..=255).step_by(15).collect()) }
}

#[marine]
#[module_import("scalars")]
extern "C" {
    fn flip(v: bool) -> bool;
    fn next_i8(v: i8) -> i8;
    fn next_i16(v: i16) -> i16;
    fn next_i32(v: i32) -> i32;
    fn next_i64(v: i64) -> i64;
    fn next_u8(v: u8) -> u8;
    fn next_u16(v: u16) -> u16;
    fn next_u32(v: u32) -> u32;
    fn next_u64(v: u64) -> u64;
    fn half_f32(v: f32) -> f32;
    fn half_f64(v: f64) -> f64;
    fn shout(text: String) -> String;
    fn char_count(text: &str) -> u32;
    fn owned_len(text: &String) -> u64;
    fn mirror_bytes(data: Vec<u8>) -> Vec<u8>;
    fn xor_bytes(data: &Vec<u8>) -> u8;
    fn parse_u32(text: String) -> u32;
    fn parse_u64(text: String) -> u64;
    fn touch();
    fn touched() -> u32;
    fn describe(flag: bool, a: i8, b: i16, c: i32, d: i64, e: u8, f: u16, g: u32, h: u64, x: f32, y: f64, text: String, data: Vec<u8>) -> String;
}
