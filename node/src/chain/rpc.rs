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

/// The answers to so many questions, in their order; an error is the node's own text.
pub(super) fn answers(body: &[u8], count: usize) -> Result<Vec<Result<Value, String>>, String> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| format!("the chain's answer is no JSON: {error}"))?;
    let Value::Array(values) = value else {
        return Err(format!("the chain answers {}", told(&value)));
    };
    let mut answers: Vec<Option<Result<Value, String>>> = alloc::vec![None; count];
    for mut value in values {
        let id = value.get("id").and_then(Value::as_u64);
        let slot = id.and_then(|id| answers.get_mut(usize::try_from(id).ok()?));
        let slot = slot.ok_or("the chain answers what was not asked")?;
        *slot = Some(match value.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(told(&value)),
        });
    }
    let missing = || Err("the chain does not answer".to_string());
    let answers = answers.into_iter();
    Ok(answers
        .map(|answer| answer.unwrap_or_else(missing))
        .collect())
}

/// An error's message, with the data that contracts revert with.
fn told(value: &Value) -> String {
    let error = value.get("error").unwrap_or(value);
    let message = error.get("message").and_then(Value::as_str);
    match (message, error.get("data")) {
        (Some(message), Some(data)) => format!("{message} ({})", shortened(data)),
        (Some(message), None) => message.into(),
        (None, _) => shortened(error),
    }
}

/// A value's text, not more than fits a line.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
