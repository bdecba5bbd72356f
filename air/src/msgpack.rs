//! MessagePack over byte slices: a bounded reader and the few writers that the formats need.
//!
//! Nothing here recurses: [`Reader::skip`] counts what is left to skip.

use alloc::vec::Vec;
use core::fmt;
use rmp::Marker;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const CUT: Malformed = Malformed("the message is cut short");

/// Reads from the front of a slice.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(CUT)?;
        self.rest = rest;
        Ok(head)
    }

    fn be(&mut self, len: usize) -> Result<u64, Malformed> {
        Ok(self
            .take(len)?
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn len(&mut self, width: usize) -> Result<usize, Malformed> {
        usize::try_from(self.be(width)?).map_err(|_| CUT)
    }

    pub(crate) fn marker(&mut self) -> Result<Marker, Malformed> {
        Ok(Marker::from_u8(self.take(1)?[0]))
    }

    pub(crate) fn map_len(&mut self) -> Result<usize, Malformed> {
        match self.marker()? {
            Marker::FixMap(len) => Ok(len as usize),
            Marker::Map16 => self.len(2),
            Marker::Map32 => self.len(4),
            _ => Err(Malformed("expected a map")),
        }
    }

    pub(crate) fn str(&mut self) -> Result<&'a str, Malformed> {
        let text = core::str::from_utf8(self.key()?);
        text.map_err(|_| Malformed("a string is not UTF-8"))
    }

    /// A string whose UTF-8 is not checked: it is to be compared.
    pub(crate) fn key(&mut self) -> Result<&'a [u8], Malformed> {
        let len = match self.marker()? {
            Marker::FixStr(len) => len as usize,
            Marker::Str8 => self.len(1)?,
            Marker::Str16 => self.len(2)?,
            Marker::Str32 => self.len(4)?,
            _ => return Err(Malformed("expected a string")),
        };
        self.take(len)
    }

    pub(crate) fn bin(&mut self) -> Result<&'a [u8], Malformed> {
        let len = match self.marker()? {
            Marker::Bin8 => self.len(1)?,
            Marker::Bin16 => self.len(2)?,
            Marker::Bin32 => self.len(4)?,
            _ => return Err(Malformed("expected a byte string")),
        };
        self.take(len)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        let wide = match self.marker()? {
            Marker::FixPos(number) => i64::from(number),
            Marker::FixNeg(number) => i64::from(number),
            Marker::U8 => self.be(1)? as i64,
            Marker::U16 => self.be(2)? as i64,
            Marker::U32 => self.be(4)? as i64,
            Marker::U64 => self.be(8)?.try_into().unwrap_or(i64::MAX),
            Marker::I8 => i64::from(self.be(1)? as i8),
            Marker::I16 => i64::from(self.be(2)? as i16),
            Marker::I32 => i64::from(self.be(4)? as i32),
            Marker::I64 => self.be(8)? as i64,
            _ => return Err(Malformed("expected an integer")),
        };
        i32::try_from(wide).map_err(|_| Malformed("an integer is out of range"))
    }

    /// Skips one value of any kind.
    pub(crate) fn skip(&mut self) -> Result<(), Malformed> {
        let mut left: u64 = 1;
        while left > 0 {
            left -= 1;
            let len = match self.marker()? {
                Marker::Null | Marker::True | Marker::False => 0,
                Marker::FixPos(_) | Marker::FixNeg(_) => 0,
                Marker::U8 | Marker::I8 => 1,
                Marker::U16 | Marker::I16 => 2,
                Marker::U32 | Marker::I32 | Marker::F32 => 4,
                Marker::U64 | Marker::I64 | Marker::F64 => 8,
                Marker::FixStr(len) => len as usize,
                Marker::Str8 | Marker::Bin8 => self.len(1)?,
                Marker::Str16 | Marker::Bin16 => self.len(2)?,
                Marker::Str32 | Marker::Bin32 => self.len(4)?,
                Marker::FixExt1 => 2,
                Marker::FixExt2 => 3,
                Marker::FixExt4 => 5,
                Marker::FixExt8 => 9,
                Marker::FixExt16 => 17,
                Marker::Ext8 => self.len(1)? + 1,
                Marker::Ext16 => self.len(2)? + 1,
                Marker::Ext32 => self.len(4)? + 1,
                Marker::FixArray(len) => {
                    left += u64::from(len);
                    0
                }
                Marker::Array16 => {
                    left += self.be(2)?;
                    0
                }
                Marker::Array32 => {
                    left += self.be(4)?;
                    0
                }
                Marker::FixMap(len) => {
                    left += 2 * u64::from(len);
                    0
                }
                Marker::Map16 => {
                    left += 2 * self.be(2)?;
                    0
                }
                Marker::Map32 => {
                    left += 2 * self.be(4)?;
                    0
                }
                Marker::Reserved => return Err(Malformed("a reserved marker")),
            };
            self.take(len)?;
        }
        Ok(())
    }
}

/// Writers, each in the shortest form.
pub(crate) mod put {
    use super::Vec;
    use rmp::encode;

    // A `Vec` takes whatever it is given: the results below are always `Ok`.

    pub(crate) fn map_len(out: &mut Vec<u8>, len: usize) {
        let _ = encode::write_map_len(out, len as u32);
    }

    pub(crate) fn array_len(out: &mut Vec<u8>, len: usize) {
        let _ = encode::write_array_len(out, len as u32);
    }

    pub(crate) fn str(out: &mut Vec<u8>, text: &str) {
        let _ = encode::write_str(out, text);
    }

    /// A byte string written in place. Its length is known only afterwards, so there is room for
    /// the longest form first.
    pub(crate) fn bin_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let head = open_bin(out);
        write(out);
        close_bin(out, head);
    }

    /// Leaves room for the head of a byte string; returns where its bytes start.
    pub(crate) fn open_bin(out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&[0; BIN32_HEAD]);
        out.len()
    }

    /// Writes the head of the byte string that starts at `body`, in its shortest form.
    pub(crate) fn close_bin(out: &mut Vec<u8>, body: usize) {
        let len = out.len() - body;
        let start = body - BIN32_HEAD;
        let mut room = &mut out[start..body];
        let _ = encode::write_bin_len(&mut room, len as u32);
        let unused = room.len();
        if unused > 0 {
            out.copy_within(body.., body - unused);
            out.truncate(out.len() - unused);
        }
    }

    const BIN32_HEAD: usize = 5;

    pub(crate) fn uint(out: &mut Vec<u8>, number: u64) {
        let _ = encode::write_uint(out, number);
    }

    pub(crate) fn sint(out: &mut Vec<u8>, number: i64) {
        let _ = encode::write_sint(out, number);
    }

    pub(crate) fn f64(out: &mut Vec<u8>, number: f64) {
        let _ = encode::write_f64(out, number);
    }

    pub(crate) fn bool(out: &mut Vec<u8>, flag: bool) {
        let _ = encode::write_bool(out, flag);
    }

    pub(crate) fn nil(out: &mut Vec<u8>) {
        let _ = encode::write_nil(out);
    }
}
