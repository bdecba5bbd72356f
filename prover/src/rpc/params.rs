//! Parameters, by position or by name.
//!
//! An error has the text of the JSON parser, which is the reference's too.

use super::error::Error;
use crate::capacity::CuId;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{self, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer};

/// Most characters of a client's text that an error repeats.
const SHOWN: usize = 200;

/// Parameters of one call.
#[derive(Clone, Copy)]
pub(super) struct Params<'a>(pub(super) Option<&'a str>);

impl<'a> Params<'a> {
    /// Those of an object, if they are one.
    pub(super) fn named<T: Deserialize<'a>>(self) -> Option<Result<T, Error>> {
        let text = self.0.filter(|text| text.starts_with('{'))?;
        Some(serde_json::from_str(text).map_err(|error| Error::InvalidParams(error.to_string())))
    }

    /// Those of a list, one by one.
    pub(super) fn positions(self) -> Positions<'a> {
        Positions(self.0.filter(|text| *text != "[]").unwrap_or_default())
    }
}

/// What is left of a list: a bracket or a comma, and then a parameter.
pub(super) struct Positions<'a>(&'a str);

impl<'a> Positions<'a> {
    /// The next parameter.
    pub(super) fn next<T: Deserialize<'a>>(&mut self) -> Result<T, Error> {
        let none = || Error::InvalidParams("No more params".into());
        let text = core::mem::take(&mut self.0);
        let rest = match text.as_bytes().first() {
            None | Some(b']') => return Err(none()),
            Some(b'[' | b',') => &text[1..],
            Some(_) => {
                let shown: String = text.chars().take(SHOWN).collect();
                return Err(Error::InvalidParams(format!(
                    "Invalid params. Expected one of '[', ']' or ',' but found {shown:?}"
                )));
            }
        };
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<T>();
        let value = values.next().ok_or_else(none)?;
        let value = value.map_err(|error| Error::InvalidParams(error.to_string()))?;
        self.0 = rest[values.byte_offset()..].trim_start();
        Ok(value)
    }
}

/// 32 bytes: in hex with or without `0x`, or as a list of 32 numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bytes {
    Good([u8; 32]),
    /// A text that is not hex of 32 bytes.
    Bad(String),
}

impl Bytes {
    pub(super) fn good(self) -> Result<[u8; 32], Error> {
        match self {
            Self::Good(bytes) => Ok(bytes),
            Self::Bad(text) => Err(Error::BadHex(text.chars().take(SHOWN).collect())),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Bytes, E> {
                Ok(match text.parse() {
                    Ok(CuId(bytes)) => Bytes::Good(bytes),
                    Err(_) => Bytes::Bad(text.to_owned()),
                })
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Bytes, A::Error> {
                <[u8; 32]>::deserialize(SeqAccessDeserializer::new(list)).map(Bytes::Good)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What is asked of a unit.
#[derive(Deserialize)]
pub(super) struct BatchRequest {
    pub(super) last_seen_proof_idx: u64,
    pub(super) proof_batch_size: usize,
}

/// Names: the reference's in both spellings, and those of older versions.
#[derive(Deserialize)]
pub(super) struct Commitment {
    #[serde(alias = "globalNonce")]
    pub(super) global_nonce: Bytes,
    pub(super) difficulty: Bytes,
    #[serde(alias = "cuAllocation")]
    pub(super) cu_allocation: BTreeMap<u32, Bytes>,
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(alias = "lastKnownProofs", alias = "proof_idxs", alias = "proof_idx")]
    pub(super) last_known_proofs: BTreeMap<Bytes, u64>,
    pub(super) limit: usize,
}

#[derive(Deserialize)]
pub(super) struct BatchesAfter {
    #[serde(alias = "cu_proof_requests")]
    pub(super) reqs: BTreeMap<Bytes, BatchRequest>,
    #[serde(alias = "minBatchCount")]
    pub(super) min_batch_count: usize,
    #[serde(alias = "maxBatchCount")]
    pub(super) max_batch_count: usize,
}

#[derive(Deserialize)]
pub(super) struct UtilityCores {
    #[serde(alias = "utilityCoreIds")]
    pub(super) utility_core_ids: Vec<u32>,
}
