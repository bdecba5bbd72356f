//! Vectors of every element type, nested vectors, empty ones and byte vectors.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

fn rev<T>(v: Vec<T>) -> Vec<T> { v.into_iter().rev().collect() }

#[marine]
pub fn rev_bool(v: Vec<bool>) -> Vec<bool> { rev(v) }
#[marine]
pub fn rev_i8(v: Vec<i8>) -> Vec<i8> { rev(v) }
#[marine]
pub fn rev_i16(v: Vec<i16>) -> Vec<i16> { rev(v) }
#[marine]
pub fn rev_i32(v: Vec<i32>) -> Vec<i32> { rev(v) }
#[marine]
pub fn rev_i64(v: Vec<i64>) -> Vec<i64> { rev(v) }
#[marine]
pub fn rev_u8(v: Vec<u8>) -> Vec<u8> { rev(v) }
#[marine]
pub fn rev_u16(v: Vec<u16>) -> Vec<u16> { rev(v) }
#[marine]
pub fn rev_u32(v: Vec<u32>) -> Vec<u32> { rev(v) }
#[marine]
pub fn rev_u64(v: Vec<u64>) -> Vec<u64> { rev(v) }
#[marine]
pub fn rev_f32(v: Vec<f32>) -> Vec<f32> { rev(v) }
#[marine]
pub fn rev_f64(v: Vec<f64>) -> Vec<f64> { rev(v) }
#[marine]
pub fn rev_text(v: Vec<String>) -> Vec<String> { rev(v) }

#[marine]
pub fn cut_words(text: String) -> Vec<String> { text.split(' ').map(|x| x.to_string()).collect() }
#[marine]
pub fn glue_words(words: Vec<String>, sep: String) -> String { words.join(&sep) }
#[marine]
pub fn chunk_bytes(data: Vec<u8>, size: u32) -> Vec<Vec<u8>> { data.chunks(size.max(1) as usize).map(|c| c.to_vec()).collect() }
#[marine]
pub fn flat_bytes(parts: Vec<Vec<u8>>) -> Vec<u8> { parts.concat() }
#[marine]
pub fn turn_grid(grid: Vec<Vec<i32>>) -> Vec<Vec<i32>> {
    let w = grid.iter().map(|r| r.len()).max().unwrap_or(0);
    (0..w).map(|c| grid.iter().filter_map(|r| r.get(c).copied()).collect()).collect()
}
#[marine]
pub fn deep_text(cube: Vec<Vec<Vec<String>>>) -> Vec<Vec<Vec<String>>> { rev(cube).into_iter().map(|p| rev(p).into_iter().map(rev).collect()).collect() }
#[marine]
pub fn ramp(n: u32) -> Vec<u64> { (0..n as u64).map(|i| i * i * 0x1_0000_0001).collect() }
#[marine]
pub fn hollow(n: u32) -> Vec<Vec<u64>> { vec![vec![]; n as usize] }

#[marine]
pub struct Cell { pub key: String, pub hits: Vec<u32> }
#[marine]
pub fn cells(rows: Vec<Vec<Cell>>) -> Vec<Cell> { rows.into_iter().flatten().collect() }
#[marine]
pub fn tag_cells(cells: Vec<Cell>, suffix: &str) -> Vec<Vec<Cell>> { cells.into_iter().map(|mut c| { c.key.push_str(suffix); vec![c] }).collect() }
