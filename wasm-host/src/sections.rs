//! Sections of a Wasm binary: a checked walk over the top level.

use alloc::vec::Vec;

/// Bytes before the first section: magic and version.
const HEADER: usize = 8;
/// Section id of custom sections.
const CUSTOM: u8 = 0;

/// Contents of all custom sections with this name, in order. A malformed tail ends the walk: the
/// engine, which reads the whole binary, is the one that refuses it.
pub(crate) fn custom<'a>(wasm: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for (id, body) in all(wasm) {
        if id == CUSTOM
            && let Some((section_name, content)) = prefixed(body)
            && section_name == name.as_bytes()
        {
            found.push(content);
        }
    }
    found
}

/// Id and body of all sections, in order, up to the first that is malformed.
pub(crate) fn all(wasm: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = wasm.get(HEADER..).unwrap_or(&[]);
    core::iter::from_fn(move || {
        let (id, body, after) = section(rest)?;
        rest = after;
        Some((id, body))
    })
}

/// Id and body of the first section, and what follows it.
fn section(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (id, rest) = bytes.split_first()?;
    let (body, after) = prefixed(rest)?;
    Some((*id, body, after))
}

/// A block with its length in front, and what follows it.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = leb_u32(bytes)?;
    rest.split_at_checked(len as usize)
}

/// A number in LEB128, and what follows it.
pub(crate) fn leb_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u32;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        let bits = u32::from(byte & 0x7f);
        // The fifth byte has four bits of a 32-bit number.
        if index == 4 && bits > 0x0f {
            return None;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// Writes a number in LEB128.
pub(crate) fn leb(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_sections_by_name_in_order() {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend_from_slice(&[0, 4, 1, b'a', 7, 8]);
        wasm.extend_from_slice(&[1, 1, 0]);
        wasm.extend_from_slice(&[0, 3, 1, b'b', 9]);
        wasm.extend_from_slice(&[0, 2, 1, b'a']);
        assert_eq!(custom(&wasm, "a"), [&[7_u8, 8][..], &[]]);
        assert_eq!(custom(&wasm, "c"), [&[0_u8; 0]; 0]);
    }

    #[test]
    fn a_length_past_the_end_ends_the_walk() {
        assert!(custom(b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\x0f\x01a", "a").is_empty());
        assert!(custom(b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\xff\x01a", "a").is_empty());
        assert!(custom(b"\0as", "a").is_empty());
    }
}
