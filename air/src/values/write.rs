//! Tree to canonical text.

use alloc::vec::Vec;

use super::json::{Json, Number, ReadError};
use super::scan;
use crate::budget::{BudgetExceeded, Heap, cost};

/// Appends the canonical text of `tree`.
pub(super) fn write<'r>(
    tree: &Json<'r>,
    out: &mut Vec<u8>,
    heap: &Heap<'r>,
) -> Result<(), ReadError> {
    if out.len() > heap.left() {
        return Err(BudgetExceeded::Memory.into());
    }
    match *tree {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Number(number) => write_number(number, out),
        Json::String(text) => string(text, out, heap),
        Json::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out, heap)?;
            }
            out.push(b']');
        }
        Json::Object(entries) => {
            out.push(b'{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(key, out, heap);
                out.push(b':');
                write(value, out, heap)?;
            }
            out.push(b'}');
        }
        Json::Shared(value) => out.extend_from_slice(value.text(heap)?.as_bytes()),
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>, heap: &Heap<'_>) {
    let before = out.len() + text.len() + 2;
    write_string(text, out);
    heap.spend(cost::ESCAPE * out.len().saturating_sub(before));
}

fn write_number(number: Number, out: &mut Vec<u8>) {
    match number {
        Number::U64(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        Number::I64(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        // The layout of floats decides CIDs. The network's is Ryu's (`1e21`); newer versions of
        // `serde_json` write another (`1e+21`).
        Number::F64(number) => {
            out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
        }
    }
}

/// Appends a string with its quotes, escaped as `serde_json` does.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    let special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if !scan::any(text.as_bytes(), special) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let byte = rest[at];
        out.extend_from_slice(&rest[..at]);
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digits = [
                    HEX[usize::from(control >> 4)],
                    HEX[usize::from(control & 15)],
                ];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
