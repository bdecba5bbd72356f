//! Requests and answers of JSON-RPC 2.0, as the reference prover's server reads and writes them.
//!
//! Texts of requests are cut at their members, so that an error in a parameter tells the place in
//! the client's own text. What is not looked at is skipped without recursion, however deep it is.

use super::error::{Error, Object};
use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What an answer carries to name its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Id {
    Null,
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a number without sign and fraction, or a string")
            }
            fn visit_unit<E>(self) -> Result<Id, E> {
                Ok(Id::Null)
            }
            fn visit_u64<E>(self, number: u64) -> Result<Id, E> {
                Ok(Id::Number(number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Id, E> {
                Ok(Id::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The version, which must be 2.0.
struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Cow::<str>::deserialize(deserializer)? {
            text if text == "2.0" => Ok(Self),
            _ => Err(de::Error::custom("another version of JSON-RPC")),
        }
    }
}

#[derive(Deserialize)]
struct WithId<'a> {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    id: Id,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(rename = "params")]
    _params: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WithoutId<'a> {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(rename = "params")]
    _params: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct OnlyId {
    id: Id,
}

/// What a client sent.
pub(super) struct Message<'a> {
    pub(super) method: Cow<'a, str>,
    /// The text of the parameters.
    pub(super) params: Option<&'a str>,
    /// `None`: no answer is wanted.
    pub(super) id: Option<Id>,
}

impl<'a> Message<'a> {
    /// Reads an object; `None` for what is neither answered nor done: a request whose id is of no
    /// valid kind. The error is one with the id to answer with, if the text has one.
    pub(super) fn parse(text: &'a str) -> Result<Option<Self>, (Option<Id>, Error)> {
        let params = || member(text, "params").filter(|params| *params != "null");
        if !text.starts_with('{') {
            return Err((None, Error::InvalidRequest));
        }
        if let Ok(request) = serde_json::from_str::<WithId<'_>>(text) {
            return Ok(Some(Self {
                method: request.method,
                params: params(),
                id: Some(request.id),
            }));
        }
        if let Ok(notification) = serde_json::from_str::<WithoutId<'_>>(text) {
            return Ok(member(text, "id").is_none().then(|| Self {
                method: notification.method,
                params: params(),
                id: None,
            }));
        }
        Err(match serde_json::from_str::<OnlyId>(text) {
            Ok(OnlyId { id }) => (Some(id), Error::InvalidRequest),
            Err(_) => (None, Error::Parse),
        })
    }
}

/// Takes a value from the front of a text: what it is, and what is left.
fn take<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(T, &'a str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, text.get(values.byte_offset()..)?.trim_start()))
}

/// The text of a member of an object.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = object.strip_prefix('{')?.trim_start();
    loop {
        let (key, value) = take::<Cow<'_, str>>(rest)?;
        let value = value.strip_prefix(':')?.trim_start();
        let (_, left) = take::<IgnoredAny>(value)?;
        if key == name {
            return value.get(..value.len() - left.len()).map(str::trim_end);
        }
        rest = left.strip_prefix(',')?.trim_start();
    }
}

/// The texts of the elements of a list; `None` if it is none, or has more than so many.
pub(super) fn elements(list: &str, max: usize) -> Result<Vec<&str>, Error> {
    // Elements without size: the list takes no memory.
    let count = serde_json::from_str::<Vec<IgnoredAny>>(list).map_err(|_| Error::Parse)?;
    if count.len() > max {
        return Err(Error::TooLongBatch(max));
    }
    let mut texts = Vec::with_capacity(count.len());
    let mut rest = list.trim_start().strip_prefix('[').unwrap_or_default();
    while let Some((IgnoredAny, left)) = take(rest.trim_start()) {
        let text = rest.trim_start();
        texts.extend(text.get(..text.len() - left.len()).map(str::trim_end));
        rest = left.strip_prefix(',').unwrap_or_default();
    }
    Ok(texts)
}

#[derive(Serialize)]
struct Success<'a> {
    jsonrpc: &'static str,
    id: &'a Id,
    result: &'a Value,
}

#[derive(Serialize)]
struct Failure<'a> {
    jsonrpc: &'static str,
    id: &'a Id,
    error: Object<'a>,
}

/// The text of an answer, which has so many bytes at most.
pub(super) fn answer(id: &Id, result: &Result<Value, Error>, max: usize) -> String {
    let jsonrpc = "2.0";
    let text = match result {
        Ok(result) => serde_json::to_string(&Success {
            jsonrpc,
            id,
            result,
        }),
        Err(error) => serde_json::to_string(&Failure {
            jsonrpc,
            id,
            error: error.into(),
        }),
    };
    // Values have texts always.
    let text = text.unwrap_or_default();
    match text.len() > max && result.is_ok() {
        true => answer(id, &Err(Error::TooLargeAnswer(max)), max),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_members() {
        let text = r#"{ "a" : [1, {"params": 2}] , "p\u0061rams"	: [ 5,
 6 ]  ,"id":1.5}"#;
        assert_eq!(member(text, "params"), Some("[ 5,\n 6 ]"));
        assert_eq!(member(text, "id"), Some("1.5"));
        assert_eq!(member(text, "b"), None);
        assert_eq!(member("{}", "b"), None);
        assert_eq!(
            elements(" [ 1 ,\"a,]\", [2,3 ] ,{}\n] ", 4),
            Ok(Vec::from(["1", "\"a,]\"", "[2,3 ]", "{}"]))
        );
        assert_eq!(elements("[1,2]", 1), Err(Error::TooLongBatch(1)));
        assert_eq!(elements("[]", 0), Ok(Vec::new()));
        assert_eq!(elements("[1", 1), Err(Error::Parse));
    }
}
