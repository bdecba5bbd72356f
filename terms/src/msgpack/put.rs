//! The writers: each appends one value, or the head of one, in its shortest form.
//!
//! Lengths are written in 32 bits at most, as the format has it. All messages here have limits far
//! below 4 GiB.

use alloc::vec::Vec;

use super::marker as m;

/// Longest head of a byte string: the marker and four bytes of length.
const BIN32_HEAD: usize = 5;

/// The head of a map of `len` entries; keys and values follow in turn.
#[inline]
pub fn map_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=15 => out.push(m::FIXMAP | len as u8),
        _ => long_len(out, m::MAP16, m::MAP32, len),
    }
}

/// The head of an array of `len` elements, which follow.
#[inline]
pub fn array_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=15 => out.push(m::FIXARRAY | len as u8),
        _ => long_len(out, m::ARRAY16, m::ARRAY32, len),
    }
}

/// A string.
#[inline]
pub fn str(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        len @ 0..=31 => out.push(m::FIXSTR | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[m::STR8, len as u8]),
        len => long_len(out, m::STR16, m::STR32, len),
    }
    out.extend_from_slice(text.as_bytes());
}

/// A byte string.
#[inline]
pub fn bin(out: &mut Vec<u8>, bytes: &[u8]) {
    bin_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// The head of a byte string of `len` bytes, which follow.
#[inline]
pub fn bin_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=0xff => out.extend_from_slice(&[m::BIN8, len as u8]),
        _ => long_len(out, m::BIN16, m::BIN32, len),
    }
}

/// A byte string that `write` appends. Its length is known only afterwards, so there is room for
/// the longest head first.
#[inline]
pub fn bin_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let body = open_bin(out);
    write(out);
    close_bin(out, body);
}

/// Leaves room for the head of a byte string; returns where its bytes start.
#[inline]
pub fn open_bin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; BIN32_HEAD]);
    out.len()
}

/// Writes the head of the byte string that starts at `body` and goes to the end of `out`.
pub fn close_bin(out: &mut Vec<u8>, body: usize) {
    let len = out.len() - body;
    let mut head = [0; BIN32_HEAD];
    let used = match len {
        0..=0xff => {
            head[..2].copy_from_slice(&[m::BIN8, len as u8]);
            2
        }
        0x100..=0xffff => {
            head[0] = m::BIN16;
            head[1..3].copy_from_slice(&(len as u16).to_be_bytes());
            3
        }
        _ => {
            head[0] = m::BIN32;
            head[1..5].copy_from_slice(&(len as u32).to_be_bytes());
            5
        }
    };
    let start = body - BIN32_HEAD;
    out[start..start + used].copy_from_slice(&head[..used]);
    if used < BIN32_HEAD {
        out.copy_within(body.., start + used);
        out.truncate(start + used + len);
    }
}

/// An integer that is not negative.
#[inline]
pub fn uint(out: &mut Vec<u8>, number: u64) {
    match number {
        0..=0x7f => out.push(number as u8),
        0x80..=0xff => out.extend_from_slice(&[m::U8, number as u8]),
        0x100..=0xffff => head(out, m::U16, (number as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => head(out, m::U32, (number as u32).to_be_bytes()),
        _ => head(out, m::U64, number.to_be_bytes()),
    }
}

/// An integer.
#[inline]
pub fn sint(out: &mut Vec<u8>, number: i64) {
    match number {
        0.. => uint(out, number as u64),
        -0x20..0 => out.push(number as u8),
        -0x80..-0x20 => out.extend_from_slice(&[m::I8, number as u8]),
        -0x8000..-0x80 => head(out, m::I16, (number as i16).to_be_bytes()),
        -0x8000_0000..-0x8000 => head(out, m::I32, (number as i32).to_be_bytes()),
        _ => head(out, m::I64, number.to_be_bytes()),
    }
}

/// A floating-point number of 64 bits.
#[inline]
pub fn f64(out: &mut Vec<u8>, number: f64) {
    head(out, m::F64, number.to_be_bytes());
}

/// True or false.
#[inline]
pub fn bool(out: &mut Vec<u8>, flag: bool) {
    out.push(if flag { m::TRUE } else { m::FALSE });
}

/// Nil.
#[inline]
pub fn nil(out: &mut Vec<u8>) {
    out.push(m::NIL);
}

/// A length of two bytes after `short`, or of four after `long`.
#[inline]
fn long_len(out: &mut Vec<u8>, short: u8, long: u8, len: usize) {
    match u16::try_from(len) {
        Ok(len) => head(out, short, len.to_be_bytes()),
        Err(_) => head(out, long, (len as u32).to_be_bytes()),
    }
}

/// A marker and the bytes that belong to it.
#[inline]
fn head<const N: usize>(out: &mut Vec<u8>, marker: u8, bytes: [u8; N]) {
    out.push(marker);
    out.extend_from_slice(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;
    use rmp::encode;

    /// Both sides of every border between two forms of a length.
    const LENGTHS: [usize; 10] = [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536, 70_000];

    #[test]
    fn heads_as_the_reference_library_writes_them() {
        for len in LENGTHS {
            let (mut ours, mut theirs) = (vec![], vec![]);
            map_len(&mut ours, len);
            array_len(&mut ours, len);
            str(&mut ours, &"x".repeat(len));
            bin(&mut ours, &vec![7; len]);
            bin_with(&mut ours, |out| out.resize(out.len() + len, 8));
            encode::write_map_len(&mut theirs, len as u32).unwrap();
            encode::write_array_len(&mut theirs, len as u32).unwrap();
            encode::write_str(&mut theirs, &"x".repeat(len)).unwrap();
            encode::write_bin(&mut theirs, &vec![7; len]).unwrap();
            encode::write_bin(&mut theirs, &vec![8; len]).unwrap();
            assert!(ours == theirs, "{len}");
        }
    }

    fn check_numbers(unsigned: u64, signed: i64) {
        let (mut ours, mut theirs) = (vec![], vec![]);
        uint(&mut ours, unsigned);
        sint(&mut ours, signed);
        f64(&mut ours, signed as f64);
        bool(&mut ours, unsigned & 1 == 1);
        nil(&mut ours);
        encode::write_uint(&mut theirs, unsigned).unwrap();
        encode::write_sint(&mut theirs, signed).unwrap();
        encode::write_f64(&mut theirs, signed as f64).unwrap();
        encode::write_bool(&mut theirs, unsigned & 1 == 1).unwrap();
        encode::write_nil(&mut theirs).unwrap();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn numbers_on_both_sides_of_every_border() {
        for bits in [0, 5, 7, 8, 15, 16, 31, 32, 63] {
            for offset in [-1, 0, 1] {
                let number = (1i128 << bits) + offset;
                check_numbers(number as u64, number as i64);
                check_numbers(number as u64, -number as i64);
            }
        }
        check_numbers(u64::MAX, i64::MIN);
    }

    proptest! {
        #[test]
        fn numbers_as_the_reference_library_writes_them(unsigned: u64, signed: i64) {
            check_numbers(unsigned, signed);
        }
    }
}
