//! Uses the records of `records` through imports.
#![allow(improper_ctypes)]
use marine_rs_sdk::{marine, module_manifest};
module_manifest!();
fn main() {}

#[marine]
#[derive(Clone, Default)]
pub struct Dot { pub x: i32, pub y: i32 }
#[marine]
#[derive(Clone, Default)]
pub struct Figure { pub name: String, pub shown: bool, pub weight: f64, pub origin: Dot, pub outline: Vec<Dot>, pub labels: Vec<String>, pub raw: Vec<u8> }
#[marine]
#[derive(Default)]
pub struct Board { pub title: String, pub figures: Vec<Figure>, pub links: Vec<Vec<u32>>, pub front: Figure }
#[marine]
pub struct Numbers { pub a: bool, pub b: i8, pub c: i16, pub d: i32, pub e: i64, pub f: u8, pub g: u16, pub h: u32, pub i: u64, pub j: f32, pub k: f64 }
#[marine]
pub struct Blob { pub size: u32, pub data: Vec<u8> }
#[marine]
pub struct Ticket { pub id: u32, pub note: String }

#[marine]
pub fn zigzag(figure: Figure, times: u32) -> Figure { (0..times as i32).fold(figure, |f, i| shift(f, i, -i)) }
#[marine]
pub fn board_weight(n: u32) -> f64 { weigh(&make_board(n)) }
#[marine]
pub fn pair_boards(a: u32, b: u32) -> Board { merge_boards(vec![make_board(a), make_board(b)]) }
#[marine]
pub fn step_twice(n: Numbers) -> Numbers { step_numbers(step_numbers(n)) }
#[marine]
pub fn top_numbers() -> Numbers { step_numbers(Numbers { a: false, b: -2, c: -2, d: -2, e: -2, f: 254, g: 65534, h: u32::MAX - 1, i: u64::MAX - 1, j: 1.5, k: -0.1 }) }
#[marine]
pub fn blob_tail(size: u32) -> Blob { let b = make_blob(size); let d = b.data[b.data.len().saturating_sub(5)..].to_vec(); Blob { size: b.size, data: d } }
#[marine]
pub fn tickets(n: u32) -> i32 { for i in 0..n { let t = new_ticket(i, "t".repeat(i as usize)); eat_ticket(t); } alive() }

#[marine]
#[module_import("records")]
extern "C" {
    fn shift(figure: Figure, dx: i32, dy: i32) -> Figure;
    fn make_board(n: u32) -> Board;
    fn weigh(board: &Board) -> f64;
    fn merge_boards(boards: Vec<Board>) -> Board;
    fn step_numbers(n: Numbers) -> Numbers;
    fn make_blob(size: u32) -> Blob;
    fn new_ticket(id: u32, note: String) -> Ticket;
    fn eat_ticket(ticket: Ticket) -> u32;
    fn alive() -> i32;
}
