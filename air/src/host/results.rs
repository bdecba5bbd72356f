//! Answers of the host to call requests.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use super::{Answer, Answers, MULTICODEC};
use crate::msgpack::{Malformed, Reader, put};
use alloc::vec::Vec;
use basalt_terms::msgpack::MsgpackError;
use basalt_terms::varint;

/// The answer of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallResult {
    /// 0 for success.
    pub ret_code: i32,
    /// JSON text: the result, or the error.
    pub result: String,
}

/// Answers by call request id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallResults(pub BTreeMap<u32, CallResult>);

/// Why raw call results were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResultsError {
    /// The leading varint is broken.
    Varint,
    /// The multicodec is not MessagePack.
    Codec(u32),
    /// The message is not what it should be.
    Format(Malformed),
}

impl fmt::Display for CallResultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Varint => f.write_str("the leading varint is broken"),
            Self::Codec(codec) => write!(f, "codec {codec} is not MessagePack"),
            Self::Format(reason) => write!(f, "{reason}"),
        }
    }
}

impl core::error::Error for CallResultsError {}

impl From<Malformed> for CallResultsError {
    fn from(reason: Malformed) -> Self {
        Self::Format(reason)
    }
}

impl From<MsgpackError> for CallResultsError {
    fn from(error: MsgpackError) -> Self {
        Self::Format(error.into())
    }
}

impl CallResults {
    /// No answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the raw form (AIR spec section 6.6).
    pub fn decode(bytes: &[u8]) -> Result<Self, CallResultsError> {
        let answers = Answers::decode(bytes)?;
        Ok(answers
            .left()
            .map(|(id, answer)| (id, answer.into()))
            .collect())
    }

    /// Writes the raw form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MULTICODEC.to_vec();
        put::map_len(&mut out, self.0.len());
        for (id, answer) in &self.0 {
            put::str(&mut out, itoa::Buffer::new().format(*id));
            put::map_len(&mut out, 2);
            put::str(&mut out, "ret_code");
            put::sint(&mut out, answer.ret_code.into());
            put::str(&mut out, "result");
            put::str(&mut out, &answer.result);
        }
        out
    }
}

impl FromIterator<(u32, CallResult)> for CallResults {
    fn from_iter<I: IntoIterator<Item = (u32, CallResult)>>(answers: I) -> Self {
        CallResults(answers.into_iter().collect())
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
