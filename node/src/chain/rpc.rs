//! JSON-RPC 2.0 to a node of the chain: requests in one batch, answers in any order.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde_json::{Value, json};

use super::wallet::Address;

/// A question: a method and its parameters.
pub(super) type Question = (&'static str, Value);

/// Bytes as the chain's nodes write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    format!("0x{}", HEX.encode(bytes))
}

/// Bytes out of their text.
pub(super) fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let bytes = text.and_then(|text| HEX.decode(text.as_bytes()).ok());
    bytes.ok_or_else(|| format!("{} is no hex string", shortened(value)))
}

/// A quantity: hex as the specification says, decimal as some nodes write it.
pub(super) fn quantity(value: &Value) -> Result<u128, String> {
    let number = match value {
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u128::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
        value => value.as_u64().map(u128::from),
    };
    number.ok_or_else(|| format!("{} is no quantity", shortened(value)))
}

/// Reads a contract.
pub(super) fn eth_call(to: &Address, data: &[u8]) -> Question {
    let call = json!([{ "to": hex(to), "data": hex(data) }, "latest"]);
    ("eth_call", call)
}

/// The body of a request.
pub(super) fn batch(questions: &[Question]) -> String {
    let question = |(id, (method, params)): (usize, &Question)| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let questions = questions.iter().enumerate().map(question);
    questions.collect::<Value>().to_string()
}

/// The answers to so many questions, in their order; an error is the node's own text. The outer
/// error is for want of any answer: whether the questions were read is not known then.
pub(super) fn answers(body: &[u8], count: usize) -> Result<Vec<Result<Value, String>>, String> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| format!("the chain's answer is no JSON: {error}"))?;
    let values = match value {
        Value::Array(values) => values,
        // One for all: mostly the batch is refused.
        value @ Value::Object(_) => alloc::vec![value],
        value => return Err(format!("the chain answers {}", shortened(&value))),
    };
    let mut answers: Vec<Option<Result<Value, String>>> = alloc::vec![None; count];
    let (mut refusal, mut stray) = (None, false);
    for mut value in values {
        let id = value.get("id").and_then(number);
        let slot = id.and_then(|id| answers.get_mut(usize::try_from(id).ok()?));
        match (slot, answer(&mut value)) {
            (Some(slot), answer) => {
                *slot = Some(match (slot.take(), answer) {
                    (None, answer) => answer,
                    (Some(Err(error)), _) | (Some(Ok(_)), Err(error)) => Err(error),
                    (Some(Ok(_)), Ok(_)) => Err("the chain answers one question twice".into()),
                });
            }
            // Who refuses before the id is read tells none.
            (None, Err(error)) => refusal = refusal.or(Some(error)),
            // No reason to forget what the other answers say.
            (None, Ok(_)) => stray = true,
        }
    }
    let missing = refusal.unwrap_or_else(|| {
        let missing = match stray {
            true => "the chain answers what was not asked",
            false => "the chain does not answer",
        };
        missing.to_string()
    });
    if answers.iter().all(Option::is_none) {
        return Err(missing);
    }
    let answers = answers.into_iter();
    Ok(answers
        .map(|answer| answer.unwrap_or_else(|| Err(missing.clone())))
        .collect())
}

/// The number of an id: some servers write it as text or as a float.
fn number(id: &Value) -> Option<u64> {
    let whole =
        |number: &f64| *number >= 0.0 && *number < 1e9 && (*number as u64) as f64 == *number;
    let float = || id.as_f64().filter(whole).map(|number| number as u64);
    let text = || id.as_str()?.parse().ok();
    id.as_u64().or_else(float).or_else(text)
}

/// What one answer says. JSON-RPC 1.0 always has both members, and one of them is null: an error
/// that is not null goes before any result.
fn answer(value: &mut Value) -> Result<Value, String> {
    if let Some(error) = error_of(value) {
        return Err(told(error));
    }
    match value.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(told(value)),
    }
}

fn error_of(value: &Value) -> Option<&Value> {
    value.get("error").filter(|error| !error.is_null())
}

/// The error that a body tells beside a status that is one already, if there is any.
pub(super) fn refusal(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    match &value {
        Value::Array(values) => values.iter().find_map(error_of),
        value => error_of(value),
    }
    .map(told)
}

/// An error's message, with the data that contracts revert with.
fn told(error: &Value) -> String {
    let message = error.as_str().or_else(|| error.get("message")?.as_str());
    let Some(message) = message.filter(|message| !message.is_empty()) else {
        return shortened(error);
    };
    let message = cut(message.into());
    match error.get("data").filter(|data| !data.is_null()) {
        Some(data) => format!("{message} ({})", shortened(data)),
        None => message,
    }
}

/// A value's text, not more than fits a line.
pub(super) fn shortened(value: &Value) -> String {
    cut(value.to_string())
}

/// A text, not more of it than fits a line.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
        text.push_str("..");
    }
    text
}
