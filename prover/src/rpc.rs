//! The reference prover's JSON-RPC 2.0 (`ccp_*`), as bytes in and bytes out, so that a peer that
//! drives the reference can drive this prover.
//!
//! All methods take their parameters by name or by position. 32-byte values are taken as hex with
//! or without `0x`, or as lists of 32 numbers, and given as hex without prefix.

use crate::capacity::proofs::BatchRequest;
use crate::capacity::records::proof_to_json;
use crate::capacity::{CoreId, CuId, Difficulty, Epoch, GlobalNonce, Proof, Proofs};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde_json::{Map, Value, json};

/// Bounds on requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest request, in bytes: bounds what is parsed.
    pub bytes: usize,
    /// Most entries of a map in a request, and most proofs in an answer.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            entries: 4096,
        }
    }
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Prove for these units on these cores.
    OnActiveCommitment {
        /// The epoch.
        epoch: Epoch,
        /// Which core works for which unit.
        allocation: BTreeMap<CoreId, CuId>,
    },
    /// Stop.
    OnNoActiveCommitment,
    /// Proofs after the given index per unit, so many in all.
    GetProofsAfter {
        /// Last known index per unit.
        known: BTreeMap<CuId, u64>,
        /// Most proofs wanted.
        limit: usize,
    },
    /// Full batches per unit.
    GetBatchProofsAfter {
        /// What is known and wanted per unit.
        requests: BTreeMap<CuId, BatchRequest>,
        /// Fewer batches in all are none.
        min: usize,
        /// Most batches wanted.
        max: usize,
    },
    /// Which logical cores may run what is not hashing.
    ReallocUtilityCores(Vec<u32>),
}

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not JSON, or too long.
    Parse,
    /// Not a request.
    InvalidRequest,
    /// No such method.
    MethodNotFound,
    /// A parameter is missing or of a wrong type.
    InvalidParams(&'static str),
    /// Not 32 bytes in hex: the value.
    BadHex(String),
    /// The prover refused: why.
    Prover(String),
}

impl Error {
    fn code(&self) -> i32 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams(_) => -32602,
            Self::BadHex(_) => 2,
            Self::Prover(_) => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse => f.write_str("Parse error"),
            Self::InvalidRequest => f.write_str("Invalid request"),
            Self::MethodNotFound => f.write_str("Method not found"),
            Self::InvalidParams(name) => write!(f, "Invalid params: {name}"),
            Self::BadHex(_) => f.write_str("expected 32 bytes in hex"),
            Self::Prover(reason) => write!(f, "prover error: {reason}"),
        }
    }
}

impl core::error::Error for Error {}

/// A request: what is asked, and the id to answer with. Without an id no answer is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The call, or why the request is not one.
    pub call: Result<Call, Error>,
    id: Option<Value>,
}

impl Request {
    /// Reads a request.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Self {
        let failed = |error| Self {
            call: Err(error),
            id: Some(Value::Null),
        };
        if bytes.len() > limits.bytes {
            return failed(Error::Parse);
        }
        let Ok(request) = serde_json::from_slice::<Value>(bytes) else {
            return failed(Error::Parse);
        };
        let id = request.get("id").cloned();
        let valid_id = matches!(
            id,
            None | Some(Value::Null | Value::Number(_) | Value::String(_))
        );
        let version = request.get("jsonrpc").and_then(Value::as_str);
        let method = request.get("method").and_then(Value::as_str);
        let (true, Some("2.0"), Some(method)) = (valid_id, version, method) else {
            return failed(Error::InvalidRequest);
        };
        let params = Params {
            value: request.get("params"),
            limits,
        };
        Self {
            call: call(method, &params),
            id,
        }
    }

    /// The answer with a result, if one is wanted.
    pub fn answer(&self, result: Result<Value, Error>) -> Option<String> {
        let id = self.id.as_ref()?;
        let answer = match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => {
                let mut object = json!({ "code": error.code(), "message": error.to_string() });
                if let (Error::BadHex(data), Some(object)) = (&error, object.as_object_mut()) {
                    object.insert("data".into(), Value::String(data.clone()));
                }
                json!({ "jsonrpc": "2.0", "id": id, "error": object })
            }
        };
        Some(answer.to_string())
    }
}

/// The result of a call that only looks at proofs; `None` for those that change something.
pub fn query(call: &Call, proofs: &Proofs, limits: &Limits) -> Option<Value> {
    match call {
        Call::GetProofsAfter { known, limit } => {
            Some(to_json(&proofs.after(known, (*limit).min(limits.entries))))
        }
        Call::GetBatchProofsAfter { requests, min, max } => Some(to_json(&proofs.batches(
            requests,
            *min,
            (*max).min(limits.entries),
        ))),
        _ => None,
    }
}

/// Each unit with the flat list of its proofs.
fn to_json(units: &[(CuId, Vec<Proof>)]) -> Value {
    let unit = |(cu, proofs): &(CuId, Vec<Proof>)| {
        let proofs: Vec<Value> = proofs.iter().map(proof_to_json).collect();
        json!({ "cu_id": cu.to_string(), "proof_batches": proofs })
    };
    units.iter().map(unit).collect()
}

fn call(method: &str, params: &Params<'_>) -> Result<Call, Error> {
    match method {
        "ccp_on_active_commitment" => Ok(Call::OnActiveCommitment {
            epoch: Epoch {
                nonce: GlobalNonce(params.bytes32(0, "global_nonce")?),
                difficulty: Difficulty(params.bytes32(1, "difficulty")?),
            },
            allocation: params
                .map(2, "cu_allocation")?
                .into_iter()
                .map(|(core, cu)| {
                    let core = core
                        .parse()
                        .map_err(|_| Error::InvalidParams("cu_allocation"))?;
                    Ok((CoreId(core), CuId(bytes32(cu, "cu_allocation")?)))
                })
                .collect::<Result<_, _>>()?,
        }),
        "ccp_on_no_active_commitment" => Ok(Call::OnNoActiveCommitment),
        "ccp_get_proofs_after" => Ok(Call::GetProofsAfter {
            known: params
                .map(0, "proof_idxs")?
                .into_iter()
                .map(|(cu, index)| {
                    let index = index.as_u64().ok_or(Error::InvalidParams("proof_idxs"))?;
                    Ok((cu_id(cu)?, index))
                })
                .collect::<Result<_, _>>()?,
            limit: params.count(1, "limit")?,
        }),
        "ccp_get_batch_proofs_after" => Ok(Call::GetBatchProofsAfter {
            requests: params
                .map(0, "cu_proof_requests")?
                .into_iter()
                .map(|(cu, request)| {
                    let number = |name: &'static str| {
                        let value = request.get(name).and_then(Value::as_u64);
                        value.ok_or(Error::InvalidParams(name))
                    };
                    let after = number("last_seen_proof_idx")?;
                    let size = to_usize(number("proof_batch_size")?);
                    Ok((cu_id(cu)?, BatchRequest { after, size }))
                })
                .collect::<Result<_, _>>()?,
            min: params.count(1, "min_batch_count")?,
            max: params.count(2, "max_batch_count")?,
        }),
        "ccp_realloc_utility_cores" => {
            let wrong = Error::InvalidParams("utility_core_ids");
            let list = params.get(0, "utility_core_ids").and_then(Value::as_array);
            let list = list
                .filter(|list| list.len() <= params.limits.entries)
                .ok_or(wrong.clone())?;
            let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
            let ids = list.iter().map(id).collect::<Option<_>>().ok_or(wrong)?;
            Ok(Call::ReallocUtilityCores(ids))
        }
        _ => Err(Error::MethodNotFound),
    }
}

/// Parameters, by position or by name.
struct Params<'a> {
    value: Option<&'a Value>,
    limits: &'a Limits,
}

impl<'a> Params<'a> {
    fn get(&self, position: usize, name: &str) -> Option<&'a Value> {
        match self.value? {
            Value::Array(list) => list.get(position),
            Value::Object(map) => map.get(name),
            _ => None,
        }
    }

    fn bytes32(&self, position: usize, name: &'static str) -> Result<[u8; 32], Error> {
        bytes32(
            self.get(position, name).ok_or(Error::InvalidParams(name))?,
            name,
        )
    }

    fn map(&self, position: usize, name: &'static str) -> Result<&'a Map<String, Value>, Error> {
        let map = self.get(position, name).and_then(Value::as_object);
        map.filter(|map| map.len() <= self.limits.entries)
            .ok_or(Error::InvalidParams(name))
    }

    fn count(&self, position: usize, name: &'static str) -> Result<usize, Error> {
        let count = self.get(position, name).and_then(Value::as_u64);
        count.map(to_usize).ok_or(Error::InvalidParams(name))
    }
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn cu_id(text: &str) -> Result<CuId, Error> {
    text.parse().map_err(|_| Error::BadHex(text.into()))
}

fn bytes32(value: &Value, name: &'static str) -> Result<[u8; 32], Error> {
    match value {
        Value::String(text) => cu_id(text).map(|CuId(bytes)| bytes),
        Value::Array(list) if list.len() == 32 => {
            let mut bytes = [0; 32];
            for (byte, number) in bytes.iter_mut().zip(list) {
                let number = number.as_u64().and_then(|number| u8::try_from(number).ok());
                *byte = number.ok_or(Error::InvalidParams(name))?;
            }
            Ok(bytes)
        }
        _ => Err(Error::InvalidParams(name)),
    }
}

#[cfg(test)]
mod tests;
