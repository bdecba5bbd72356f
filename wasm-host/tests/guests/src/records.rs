//! Records: all scalar fields, nested records, vectors of records, a record with a destructor.
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
pub fn shift(figure: Figure, dx: i32, dy: i32) -> Figure {
    let mut f = figure;
    let m = |d: &mut Dot| { d.x += dx; d.y += dy };
    m(&mut f.origin);
    f.outline.iter_mut().for_each(m);
    f
}
#[marine]
pub fn make_board(n: u32) -> Board {
    let fig = |i: u32| Figure { name: format!("fig{i}"), shown: i % 2 == 0, weight: i as f64 / 4.0, origin: Dot { x: i as i32, y: -(i as i32) },
        outline: (0..i as i32).map(|k| Dot { x: k, y: k * k }).collect(), labels: (0..i % 3).map(|k| "l".repeat(k as usize)).collect(), raw: vec![i as u8; i as usize] };
    Board { title: "board".into(), figures: (0..n).map(fig).collect(), links: (0..n).map(|i| (0..i).collect()).collect(), front: fig(n) }
}
#[marine]
pub fn weigh(board: &Board) -> f64 { board.figures.iter().map(|f| f.weight).sum::<f64>() + board.front.weight }
#[marine]
pub fn merge_boards(boards: Vec<Board>) -> Board {
    let mut r = Board::default();
    for b in boards { r.title.push_str(&b.title); r.figures.extend(b.figures); r.links.extend(b.links); r.front = b.front; }
    r
}
#[marine]
pub fn step_numbers(n: Numbers) -> Numbers {
    Numbers { a: !n.a, b: n.b.wrapping_add(1), c: n.c.wrapping_add(1), d: n.d.wrapping_add(1), e: n.e.wrapping_add(1), f: n.f.wrapping_add(1), g: n.g.wrapping_add(1), h: n.h.wrapping_add(1), i: n.i.wrapping_add(1), j: n.j * 2.0, k: n.k * 2.0 }
}
#[marine]
pub struct Blob { pub size: u32, pub data: Vec<u8> }
#[marine]
pub fn make_blob(size: u32) -> Blob { Blob { size, data: (0..size).map(|i| (i % 251) as u8).collect() } }

/// how many `Ticket`s exist: shows when the host lets the guest release results
static mut ALIVE: i32 = 0;
#[marine]
pub struct Ticket { pub id: u32, pub note: String } // SAFETY: a module has one thread, and the static is borrowed on this line only.
impl Drop for Ticket { fn drop(&mut self) { unsafe { ALIVE -= 1 } } }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn new_ticket(id: u32, note: String) -> Ticket { unsafe { ALIVE += 1 } Ticket { id, note } }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn eat_ticket(ticket: Ticket) -> u32 { unsafe { ALIVE += 1 } ticket.id }
#[marine] // SAFETY: a module has one thread, and the static is borrowed on this line only.
pub fn alive() -> i32 { unsafe { ALIVE } }
