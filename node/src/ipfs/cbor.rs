//! DAG-CBOR read and told as DAG-JSON (IPLD specifications), value by value and never as a tree:
//! a block of small values would make a tree many times its size.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Number, Value};

use super::cid::Cid;

/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Bytes of text that are put in another order: maps in maps move the same text again and again.
const MAX_MOVED: usize = 32 << 20;
/// The tag of a link.
const LINK: u64 = 42;

/// What a path leads to.
pub(super) enum Found<'a> {
    /// Another block; what is left of the path goes on there.
    Link(Cid),
    /// A value in this block.
    Value(&'a [u8]),
}

/// A value's front: its kind and its number.
struct Head {
    major: u8,
    info: u8,
    number: u64,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// No lengths that are told later: DAG-CBOR has none.
    fn head(&mut self) -> Option<Head> {
        let first = *self.take(1)?.first()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let number = match info {
            0..24 => info.into(),
            24..28 => {
                let bytes = self.take(1 << (info - 24))?;
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
            }
            _ => return None,
        };
        Some(Head {
            major,
            info,
            number,
        })
    }

    fn text(&mut self) -> Option<&'a str> {
        let head = self.head().filter(|head| head.major == 3)?;
        core::str::from_utf8(self.take(head.number)?).ok()
    }

    /// What stands behind the tag of a link.
    fn link(&mut self) -> Option<Cid> {
        let head = self.head().filter(|head| head.major == 2)?;
        Cid::from_bytes(self.take(head.number)?.strip_prefix(&[0])?)
    }

    /// Skips a value.
    fn skip(&mut self) -> Option<()> {
        let mut left = 1u64;
        while left > 0 {
            let head = self.head()?;
            left -= 1;
            let more = match head.major {
                2 | 3 => self.take(head.number).map(|_| 0)?,
                4 => head.number,
                5 => head.number.checked_mul(2)?,
                6 => 1,
                _ => 0,
            };
            left = left.checked_add(more)?;
        }
        Some(())
    }
}

/// Where a path leads; takes what it walks from the front of `path`. `None`: there is nothing of
/// that name, or the block is malformed.
pub(super) fn find<'a>(block: &'a [u8], path: &mut Vec<String>) -> Option<Found<'a>> {
    let mut reader = Reader(block);
    loop {
        let start = reader.0;
        let head = reader.head()?;
        if head.major == 6 && head.number == LINK {
            return reader.link().map(Found::Link);
        }
        let Some(name) = path.first() else {
            let mut end = Reader(start);
            end.skip()?;
            return Some(Found::Value(&start[..start.len() - end.0.len()]));
        };
        match head.major {
            4 => {
                let index: u64 = name.parse().ok()?;
                for _ in 0..Some(index).filter(|index| *index < head.number)? {
                    reader.skip()?;
                }
            }
            5 => {
                let mut entries = 0..head.number;
                // The number is only announced: each entry has to be there.
                entries.find_map(|_| match reader.text() {
                    Some(key) if key == name => Some(Some(())),
                    Some(_) => reader.skip().is_none().then_some(None),
                    None => Some(None),
                })??;
            }
            _ => return None,
        }
        path.remove(0);
    }
}

/// A list or a map that is open.
enum Open<'a> {
    List(u64),
    /// Entries that follow, those before with their places in the text, and where they begin.
    Map(u64, Vec<(&'a str, usize)>, usize),
}

/// The DAG-JSON of a block, of so many bytes at most. `None`: it is malformed, or too long.
pub(super) fn to_json(block: &[u8], max: usize) -> Option<String> {
    let mut reader = Reader(block);
    let mut text = String::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut left_to_move = MAX_MOVED;
    loop {
        let before = open.len();
        value(&mut reader, &mut text, &mut open)?;
        if text.len() > max || open.len() > MAX_DEPTH {
            return None;
        }
        let mut first = open.len() > before;
        loop {
            match open.last_mut() {
                None => return reader.0.is_empty().then_some(text),
                Some(Open::List(0)) => text.push(']'),
                Some(Open::Map(0, entries, start)) => {
                    in_order(&mut text, entries, *start, &mut left_to_move)?;
                    text.push('}');
                }
                Some(Open::List(left)) => {
                    *left -= 1;
                    text.push_str(if first { "" } else { "," });
                    break;
                }
                Some(Open::Map(left, entries, _)) => {
                    *left -= 1;
                    text.push_str(if first { "" } else { "," });
                    let key = reader.text()?;
                    if entries.last().is_some_and(|(last, _)| *last == key) {
                        return None;
                    }
                    entries.push((key, text.len()));
                    text.push_str(&quoted(key));
                    text.push(':');
                    break;
                }
            }
            open.pop();
            first = false;
        }
    }
}

/// Writes a value, or begins a list or a map.
fn value<'a>(reader: &mut Reader<'a>, text: &mut String, open: &mut Vec<Open<'a>>) -> Option<()> {
    let head = reader.head()?;
    let float = |number: f64| Number::from_f64(number).map(|number| number.to_string());
    match (head.major, head.info) {
        (0, _) => text.push_str(&head.number.to_string()),
        (1, _) => text.push_str(&(-1 - i128::from(head.number)).to_string()),
        (2, _) => text.push_str(&bytes(reader.take(head.number)?)),
        (3, _) => {
            let string = core::str::from_utf8(reader.take(head.number)?).ok()?;
            text.push_str(&quoted(string));
        }
        (4, _) => {
            text.push('[');
            open.push(Open::List(head.number));
        }
        (5, _) => {
            text.push('{');
            open.push(Open::Map(head.number, Vec::new(), text.len()));
        }
        (6, _) if head.number == LINK => text.push_str(&link(&reader.link()?)),
        (7, 20) => text.push_str("false"),
        (7, 21) => text.push_str("true"),
        (7, 22) => text.push_str("null"),
        (7, 25) => text.push_str(&float(half(head.number as u16))?),
        (7, 26) => text.push_str(&float(f32::from_bits(head.number as u32).into())?),
        (7, 27) => text.push_str(&float(f64::from_bits(head.number))?),
        _ => return None,
    }
    Some(())
}

/// Puts the entries of a map, which is the end of the text, in the order of their names. `None` if
/// two have the same name.
fn in_order(
    text: &mut String,
    entries: &mut Vec<(&str, usize)>,
    start: usize,
    left: &mut usize,
) -> Option<()> {
    if entries.is_sorted_by(|a, b| a.0 < b.0) {
        return Some(());
    }
    *left = left.checked_sub(text.len() - start)?;
    let ends = entries.iter().skip(1).map(|(_, next)| next - 1);
    let ends: Vec<usize> = ends.chain([text.len()]).collect();
    let mut parts: Vec<(&str, &str)> = Vec::with_capacity(entries.len());
    for ((key, begin), end) in entries.iter().zip(ends) {
        parts.push((key, text.get(*begin..end)?));
    }
    parts.sort_unstable_by_key(|part| part.0);
    if !parts.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    let parts: Vec<&str> = parts.into_iter().map(|(_, part)| part).collect();
    let sorted = parts.join(",");
    text.truncate(start);
    text.push_str(&sorted);
    Some(())
}

/// A float of 16 bits (IEEE 754).
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let exponent = i32::from(bits >> 10 & 0x1f);
    // Powers of two by their bits: there is no arithmetic of `std` here.
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
    let size = match exponent {
        0 => fraction * power(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (fraction + 1024.0) * power(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Bytes as DAG-JSON has them.
pub(super) fn bytes(bytes: &[u8]) -> String {
    format!(
        "{{\"/\":{{\"bytes\":\"{}\"}}}}",
        STANDARD_NO_PAD.encode(bytes)
    )
}

/// A link as DAG-JSON has it.
pub(super) fn link(cid: &Cid) -> String {
    format!("{{\"/\":\"{}\"}}", cid.text())
}
