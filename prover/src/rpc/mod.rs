//! The reference prover's JSON-RPC 2.0 (`ccp_*`), as bytes in and bytes out, so that a peer that
//! drives the reference can drive this prover.
//!
//! All methods take their parameters by name or by position. 32-byte values are taken as hex with
//! or without `0x`, or as lists of 32 numbers, and given as hex without prefix. What else is taken,
//! and how it is answered, is that of the reference's server: `tests/vectors.json` has its own
//! answers, and `docs/prover.md` the table.
//!
//! ```text
//! error      why there is no result
//! params     parameters, by position or by name
//! call       the methods
//! message    requests, notifications and answers
//! ```

mod call;
mod error;
mod message;
mod params;

pub use call::{Call, query};
pub use error::Error;

use alloc::string::String;
use message::{Id, Message};
use params::Params;
use serde_json::Value;

/// Bounds on requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest request, in bytes: bounds what is kept and parsed.
    pub request: usize,
    /// Longest answer, in bytes; the answers to a batch have so many together.
    pub answer: usize,
    /// Most requests of a batch: bounds the work for one request of HTTP.
    pub batch: usize,
    /// Most entries of a map or a list in a request, and most proofs in an answer.
    pub entries: usize,
}

impl Default for Limits {
    /// The reference's, where it has one.
    fn default() -> Self {
        Self {
            request: 10 << 20,
            answer: 10 << 20,
            batch: 4096,
            entries: 4096,
        }
    }
}

/// White space that may stand before a request.
const SPACE: usize = 127;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This text.
    Text(String),
    /// Nothing, as nothing is wanted: to notifications.
    Nothing,
    /// This text, and by HTTP that the request is a bad one.
    Bad(String),
}

/// The answer with an error that concerns no request in particular.
pub fn refusal(error: Error) -> String {
    message::answer(&Id::Null, &Err(error), usize::MAX)
}

/// Answers a request, a notification or a batch; `execute` does what is asked.
pub fn answer(
    bytes: &[u8],
    limits: &Limits,
    execute: &mut dyn FnMut(&Call) -> Result<Value, Error>,
) -> Answer {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    let start = start.filter(|start| *start <= SPACE).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let is_batch = match bytes.first() {
        Some(b'{') => false,
        Some(b'[') => true,
        _ => return Answer::Bad(refusal(Error::Parse)),
    };
    if bytes.len() > limits.request {
        return Answer::Text(refusal(Error::TooLargeRequest(limits.request)));
    }
    // A parser of bytes would take other bytes where nobody looks.
    let Ok(text) = core::str::from_utf8(bytes) else {
        return Answer::Text(refusal(Error::Parse));
    };
    match is_batch {
        true => batch(text, limits, execute),
        false => match single(text, limits, Error::Parse, execute) {
            Some(text) => Answer::Text(text),
            None => Answer::Nothing,
        },
    }
}

/// Answers one request. Without an id in its text the answer is the error `otherwise`.
fn single(
    text: &str,
    limits: &Limits,
    otherwise: Error,
    execute: &mut dyn FnMut(&Call) -> Result<Value, Error>,
) -> Option<String> {
    let (id, result) = match Message::parse(text) {
        Ok(None) => return None,
        Ok(Some(message)) => {
            let params = Params(message.params);
            let call = Call::parse(&message.method, params, limits.entries);
            let result = call.and_then(|call| execute(&call));
            (message.id?, result)
        }
        Err((Some(id), error)) => (id, Err(error)),
        Err((None, _)) => (Id::Null, Err(otherwise)),
    };
    Some(message::answer(&id, &result, limits.answer))
}

fn batch(
    text: &str,
    limits: &Limits,
    execute: &mut dyn FnMut(&Call) -> Result<Value, Error>,
) -> Answer {
    let texts = match message::elements(text, limits.batch) {
        Ok(texts) if texts.is_empty() => return Answer::Text(refusal(Error::InvalidRequest)),
        Ok(texts) => texts,
        Err(error) => return Answer::Text(refusal(error)),
    };
    let mut answers = String::new();
    for text in texts {
        let Some(answer) = single(text, limits, Error::InvalidRequest, execute) else {
            continue;
        };
        if answers.len() + answer.len() + 2 > limits.answer {
            return Answer::Text(refusal(Error::TooLargeAnswers(limits.answer)));
        }
        answers.push(if answers.is_empty() { '[' } else { ',' });
        answers.push_str(&answer);
    }
    if answers.is_empty() {
        return Answer::Nothing;
    }
    answers.push(']');
    Answer::Text(answers)
}

#[cfg(test)]
mod tests;
