//! Why a request has no result, in the words of the reference prover's server.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use serde::Serialize;

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not JSON.
    Parse,
    /// Not a request.
    InvalidRequest,
    /// No such method.
    MethodNotFound,
    /// A parameter is missing, or is not what it should be: which one and why.
    InvalidParams(String),
    /// Not 32 bytes in hex: the value.
    BadHex(String),
    /// The prover refused: why.
    Prover(String),
    /// Bytes that a request may have.
    TooLargeRequest(usize),
    /// Bytes that an answer may have.
    TooLargeAnswer(usize),
    /// Requests that a batch may have.
    TooLongBatch(usize),
    /// Bytes that the answers to a batch may have together.
    TooLargeAnswers(usize),
    /// The request did not come as a whole.
    Internal,
}

impl Error {
    const fn code(&self) -> i32 {
        match self {
            Self::Prover(_) => 1,
            Self::BadHex(_) => 2,
            Self::Parse => -32700,
            Self::Internal => -32603,
            Self::InvalidParams(_) => -32602,
            Self::MethodNotFound => -32601,
            Self::InvalidRequest => -32600,
            Self::TooLargeRequest(_) => -32007,
            Self::TooLargeAnswer(_) => -32008,
            Self::TooLongBatch(_) => -32010,
            Self::TooLargeAnswers(_) => -32011,
        }
    }

    /// What is said beside the message.
    fn data(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::InvalidParams(data) | Self::BadHex(data) => Some(data.as_str().into()),
            Self::TooLargeRequest(limit)
            | Self::TooLargeAnswer(limit)
            | Self::TooLongBatch(limit)
            | Self::TooLargeAnswers(limit) => Some(format!("Exceeded max limit of {limit}").into()),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parse => "Parse error",
            Self::InvalidRequest => "Invalid request",
            Self::MethodNotFound => "Method not found",
            Self::InvalidParams(_) => "Invalid params",
            Self::BadHex(_) => "expected 32 bytes in hex",
            Self::Prover(reason) => return write!(f, "prover error: {reason}"),
            Self::TooLargeRequest(_) => "Request is too big",
            Self::TooLargeAnswer(_) => "Response is too big",
            Self::TooLongBatch(_) => "The batch request was too large",
            Self::TooLargeAnswers(_) => "The batch response was too large",
            Self::Internal => "Internal error",
        })
    }
}

impl core::error::Error for Error {}

/// The error object of JSON-RPC.
#[derive(Serialize)]
pub(super) struct Object<'a> {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
}

impl<'a> From<&'a Error> for Object<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            data: error.data(),
        }
    }
}
