//! Raw call results, read (AIR spec section 6.6).

use alloc::vec::Vec;
use rmp::Marker;

use super::answers::{Answer, Answers};
use super::results::{CallResults, CallResultsError};
use crate::msgpack::{Malformed, Reader};

impl CallResults {
    /// Reads the raw form (AIR spec section 6.6).
    pub fn decode(bytes: &[u8]) -> Result<Self, CallResultsError> {
        let answers = Answers::decode(bytes)?;
        Ok(answers
            .left()
            .map(|(id, answer)| (id, answer.into()))
            .collect())
    }
}

impl<'r> Answers<'r> {
    /// Reads the raw form.
    pub(crate) fn decode(bytes: &'r [u8]) -> Result<Self, CallResultsError> {
        let mut reader = Reader::new(varint(bytes)?);
        let mut answers = Vec::new();
        for _ in 0..reader.map_len()? {
            let id = reader
                .str()?
                .parse()
                .map_err(|_| Malformed("a call id is no number"))?;
            answers.push((id, answer(&mut reader)?));
        }
        Ok(Answers::new(answers.into_iter()))
    }
}

/// Checks the codec; returns the message behind it.
fn varint(bytes: &[u8]) -> Result<&[u8], CallResultsError> {
    let mut codec = 0u32;
    for (index, byte) in bytes.iter().enumerate().take(4) {
        codec |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let minimal = *byte != 0 || index == 0;
            return match (codec, minimal) {
                (_, false) => Err(CallResultsError::Varint),
                (0x0201, true) => Ok(&bytes[index + 1..]),
                (_, true) => Err(CallResultsError::Codec(codec)),
            };
        }
    }
    Err(CallResultsError::Varint)
}

/// An answer: a map, or an array of its two fields.
fn answer<'r>(reader: &mut Reader<'r>) -> Result<Answer<'r>, Malformed> {
    let mut peek = *reader;
    if peek.marker()? == Marker::FixArray(2) {
        *reader = peek;
        return Ok(Answer {
            ret_code: reader.i32()?,
            result: reader.str()?,
        });
    }
    let (mut ret_code, mut result) = (None, None);
    for _ in 0..reader.map_len()? {
        match reader.key()? {
            b"ret_code" if ret_code.is_none() => ret_code = Some(reader.i32()?),
            b"result" if result.is_none() => result = Some(reader.str()?),
            b"ret_code" | b"result" => return Err(Malformed("a field occurs twice")),
            _ => reader.skip()?,
        }
    }
    Ok(Answer {
        ret_code: ret_code.ok_or(Malformed("missing field `ret_code`"))?,
        result: result.ok_or(Malformed("missing field `result`"))?,
    })
}
