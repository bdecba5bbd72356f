//! Sends vectors to `arrays` and back.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
pub struct Cell { pub key: String, pub hits: Vec<u32> }

#[marine]
pub fn twice_bool(v: Vec<bool>) -> Vec<bool> { rev_bool(rev_bool(v)) }
#[marine]
pub fn back_i8(v: Vec<i8>) -> Vec<i8> { rev_i8(v) }
#[marine]
pub fn back_i16(v: Vec<i16>) -> Vec<i16> { rev_i16(v) }
#[marine]
pub fn back_i32(v: Vec<i32>) -> Vec<i32> { rev_i32(v) }
#[marine]
pub fn back_i64(v: Vec<i64>) -> Vec<i64> { rev_i64(v) }
#[marine]
pub fn back_u8(v: Vec<u8>) -> Vec<u8> { rev_u8(v) }
#[marine]
pub fn back_u16(v: Vec<u16>) -> Vec<u16> { rev_u16(v) }
#[marine]
pub fn back_u32(v: Vec<u32>) -> Vec<u32> { rev_u32(v) }
#[marine]
pub fn back_u64(v: Vec<u64>) -> Vec<u64> { rev_u64(v) }
#[marine]
pub fn back_f32(v: Vec<f32>) -> Vec<f32> { rev_f32(v) }
#[marine]
pub fn back_f64(v: Vec<f64>) -> Vec<f64> { rev_f64(v) }
#[marine]
pub fn back_text(v: Vec<String>) -> Vec<String> { rev_text(v) }
#[marine]
pub fn reglue(text: String, sep: String) -> String { glue_words(cut_words(text), sep) }
#[marine]
pub fn rechunk(data: Vec<u8>, size: u32) -> Vec<Vec<u8>> { let p = chunk_bytes(data, size); chunk_bytes(flat_bytes(p), size + 1) }
#[marine]
pub fn grid_via(grid: Vec<Vec<i32>>) -> Vec<Vec<i32>> { turn_grid(grid) }
#[marine]
pub fn cube_via(cube: Vec<Vec<Vec<String>>>) -> Vec<Vec<Vec<String>>> { deep_text(cube) }
#[marine]
pub fn ramp_sum(n: u32) -> u64 { ramp(n).iter().sum() }
#[marine]
pub fn hollow_shape(n: u32) -> Vec<u32> { hollow(n).iter().map(|r| r.len() as u32).collect() }
#[marine]
pub fn cells_via(rows: Vec<Vec<Cell>>) -> Vec<Vec<Cell>> { tag_cells(cells(rows), "!") }

#[marine]
#[module_import("arrays")]
extern "C" {
    fn rev_bool(v: Vec<bool>) -> Vec<bool>;
    fn rev_i8(v: Vec<i8>) -> Vec<i8>;
    fn rev_i16(v: Vec<i16>) -> Vec<i16>;
    fn rev_i32(v: Vec<i32>) -> Vec<i32>;
    fn rev_i64(v: Vec<i64>) -> Vec<i64>;
    fn rev_u8(v: Vec<u8>) -> Vec<u8>;
    fn rev_u16(v: Vec<u16>) -> Vec<u16>;
    fn rev_u32(v: Vec<u32>) -> Vec<u32>;
    fn rev_u64(v: Vec<u64>) -> Vec<u64>;
    fn rev_f32(v: Vec<f32>) -> Vec<f32>;
    fn rev_f64(v: Vec<f64>) -> Vec<f64>;
    fn rev_text(v: Vec<String>) -> Vec<String>;
    fn cut_words(text: String) -> Vec<String>;
    fn glue_words(words: Vec<String>, sep: String) -> String;
    fn chunk_bytes(data: Vec<u8>, size: u32) -> Vec<Vec<u8>>;
    fn flat_bytes(parts: Vec<Vec<u8>>) -> Vec<u8>;
    fn turn_grid(grid: Vec<Vec<i32>>) -> Vec<Vec<i32>>;
    fn deep_text(cube: Vec<Vec<Vec<String>>>) -> Vec<Vec<Vec<String>>>;
    fn ramp(n: u32) -> Vec<u64>;
    fn hollow(n: u32) -> Vec<Vec<u64>>;
    fn cells(rows: Vec<Vec<Cell>>) -> Vec<Cell>;
    fn tag_cells(cells: Vec<Cell>, suffix: &str) -> Vec<Vec<Cell>>;
}
