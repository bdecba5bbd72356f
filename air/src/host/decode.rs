//! Raw call results, read (AIR spec section 6.6).

use alloc::vec::Vec;
use basalt_terms::varint;

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
        let mut reader = Reader::new(message(bytes)?);
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

/// Checks the codec, a number of at most four bytes; returns the message behind it.
fn message(bytes: &[u8]) -> Result<&[u8], CallResultsError> {
    match varint::read(bytes.get(..4).unwrap_or(bytes)) {
        Ok((0x0201, len)) => Ok(&bytes[len..]),
        Ok((codec, _)) => Err(CallResultsError::Codec(codec as u32)),
        Err(_) => Err(CallResultsError::Varint),
    }
}

/// The marker of an array of two elements in its shortest form, the only one that is taken.
const ARRAY_OF_TWO: u8 = 0x92;

/// An answer: a map, or an array of its two fields.
fn answer<'r>(reader: &mut Reader<'r>) -> Result<Answer<'r>, Malformed> {
    let mut elements = *reader;
    if elements.marker()? == ARRAY_OF_TWO {
        *reader = elements;
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
