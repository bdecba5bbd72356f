//! Answers of the host to call requests.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use basalt_terms::msgpack::MsgpackError;

use super::multicodec::MULTICODEC;
use crate::msgpack::{Malformed, put};

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
