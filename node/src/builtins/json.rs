//! `json`: building and reading objects. Keys stay in the order of insertion.

use alloc::format;
use alloc::string::String;
use core::fmt;

use serde_json::{Map, Value};

use super::args::Args;
use super::ordered::{Object, Ordered, text_of};
use super::row::{Builtin, row};
use crate::call::Call;
use crate::reply::{CallError, Reply};

pub(super) const FUNCTIONS: &[Builtin] = &[
    row(
        "json",
        "obj",
        "k1: string, v1, k2: string, v2 ...",
        "object",
        "`Expected odd number of arguments, got even. No value for key '<k>'` (the text says the reverse of what happened); \
         `All keys must be of type string. Key of the following pair is of invalid type: (<k>, <v>)`",
        obj,
    ),
    row(
        "json",
        "put",
        "object, key: string, value",
        "object",
        "",
        put,
    ),
    row(
        "json",
        "puts",
        "object, k1: string, v1 ...",
        "object",
        "errors as `obj`",
        puts,
    ),
    row(
        "json",
        "parse",
        "exactly 1: string",
        "value",
        "`error parsing json <text>`",
        parse,
    ),
    row(
        "json",
        "stringify",
        "exactly 1",
        "string",
        "compact",
        stringify,
    ),
    row(
        "json",
        "obj_pairs",
        "exactly 1: [[k, v], ...]",
        "object",
        "",
        obj_pairs,
    ),
    row(
        "json",
        "puts_pairs",
        "exactly 2: object, [[k, v], ...]",
        "object",
        "`expected json object, got <x>`",
        puts_pairs,
    ),
];

fn reply(object: Object) -> Reply {
    Reply::Json(Ordered::Object(object).to_text())
}

/// Puts `k1, v1, k2, v2 ...`.
fn put_flat(object: &mut Object, values: &[Value]) -> Result<(), CallError> {
    let (pairs, rest) = values.as_chunks::<2>();
    for [key, value] in pairs {
        put_pair(object, key, value)?;
    }
    match rest {
        [] => Ok(()),
        [key, ..] => Err(CallError::text(format!(
            "Expected odd number of arguments, got even. No value for key '{}'",
            text_of(key)
        ))),
    }
}

fn put_pair(object: &mut Object, key: &Value, value: &Value) -> Result<(), CallError> {
    match key {
        Value::String(key) => object.put(key.clone(), value.clone().into()),
        _ => {
            return Err(CallError::text(format!(
                "All keys must be of type string. Key of the following pair is of invalid type: ({}, {})",
                text_of(key),
                text_of(value)
            )));
        }
    }
    Ok(())
}

/// Puts `[[k1, v1], [k2, v2] ...]`.
fn put_pairs(object: &mut Object, pairs: &[Value]) -> Result<(), CallError> {
    for pair in pairs {
        match pair {
            Value::Array(pair) if let [key, value] = pair.as_slice() => {
                put_pair(object, key, value)?;
            }
            other => {
                return Err(CallError::text(format!(
                    "Expected array of 2 elements: string key and value, got {}",
                    text_of(other)
                )));
            }
        }
    }
    Ok(())
}

/// The next argument, an object.
fn object(args: &mut Args<'_>) -> Result<Object, CallError> {
    match args.take() {
        Some(Value::Object(map)) => Ok(map.clone().into()),
        Some(other) => Err(CallError::text(format!(
            "expected json object, got {}",
            text_of(other)
        ))),
        None => args.next::<Map<String, Value>>("object").map(Object::from),
    }
}

fn obj(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let mut object = Object::default();
    put_flat(&mut object, args.rest())?;
    Ok(reply(object))
}

fn put(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let mut object = object(args)?;
    let key: String = args.next("key")?;
    let value: Value = args.next("value")?;
    object.put(key, value.into());
    Ok(reply(object))
}

fn puts(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    let mut object = object(args)?;
    put_flat(&mut object, args.rest())?;
    Ok(reply(object))
}

/// A text that is not JSON.
#[derive(Debug)]
struct NotJson(serde_json::Error);

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing json {}", self.0)
    }
}

fn parse(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    args.exactly(1)?;
    let text: String = args.next("json")?;
    let value: Ordered =
        serde_json::from_str(&text).map_err(|error| CallError::from_error(NotJson(error)))?;
    Ok(Reply::Json(value.to_text()))
}

fn stringify(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    args.exactly(1)?;
    let value: Value = args.next("value")?;
    Ok(text_of(&value).into())
}

fn obj_pairs(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    args.exactly(1)?;
    let pairs: alloc::vec::Vec<Value> = args.next("pairs")?;
    let mut object = Object::default();
    put_pairs(&mut object, &pairs)?;
    Ok(reply(object))
}

fn puts_pairs(_: &Call<'_>, args: &mut Args<'_>) -> Result<Reply, CallError> {
    args.exactly(2)?;
    let mut object = object(args)?;
    let pairs: alloc::vec::Vec<Value> = args.next("pairs")?;
    put_pairs(&mut object, &pairs)?;
    Ok(reply(object))
}
