//! What survives a power cut: proofs and the allocation, as JSON in the reference prover's shapes.

use super::{CoreId, CuId, Epoch, Proof};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use serde_json::{Map, Value, json};

/// Longest record that is read: bounds the work a damaged file can cost.
pub const MAX_BYTES: usize = 1 << 20;

/// A record that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Longer than [`MAX_BYTES`].
    TooLong,
    /// Not JSON.
    NotJson,
    /// The field is missing or not of its type.
    Field(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "record of more than {MAX_BYTES} bytes"),
            Self::NotJson => f.write_str("record is not JSON"),
            Self::Field(name) => write!(f, "record has no valid field {name}"),
        }
    }
}

impl core::error::Error for Malformed {}

fn parse(bytes: &[u8]) -> Result<Value, Malformed> {
    if bytes.len() > MAX_BYTES {
        return Err(Malformed::TooLong);
    }
    serde_json::from_slice(bytes).map_err(|_| Malformed::NotJson)
}

fn field<T: FromStr>(record: &Value, name: &'static str) -> Result<T, Malformed> {
    let text = record.get(name).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok())
        .ok_or(Malformed::Field(name))
}

/// A proof as JSON: also its form in answers to a client.
pub fn proof_to_json(proof: &Proof) -> Value {
    json!({
        "id": {
            "global_nonce": proof.epoch.nonce.to_string(),
            "difficulty": proof.epoch.difficulty.to_string(),
            "idx": proof.index,
        },
        "local_nonce": proof.local_nonce.to_string(),
        "cu_id": proof.cu.to_string(),
        "result_hash": proof.result_hash.to_string(),
    })
}

/// Reads a proof.
///
/// # Errors
///
/// [`Malformed`] says what is wrong with it.
pub fn proof_from_bytes(bytes: &[u8]) -> Result<Proof, Malformed> {
    let record = parse(bytes)?;
    let id = record.get("id").ok_or(Malformed::Field("id"))?;
    let index = id
        .get("idx")
        .and_then(Value::as_u64)
        .filter(|index| *index > 0);
    Ok(Proof {
        epoch: epoch_from_json(id)?,
        cu: field(&record, "cu_id")?,
        index: index.ok_or(Malformed::Field("idx"))?,
        local_nonce: field(&record, "local_nonce")?,
        result_hash: field(&record, "result_hash")?,
    })
}

fn epoch_from_json(record: &Value) -> Result<Epoch, Malformed> {
    Ok(Epoch {
        nonce: field(record, "global_nonce")?,
        difficulty: field(record, "difficulty")?,
    })
}

/// The epoch and the allocation, or that there is none.
pub type State = Option<(Epoch, BTreeMap<CoreId, CuId>)>;

/// The state as JSON text.
pub fn state_to_json(state: &State) -> String {
    let Some((epoch, allocation)) = state else {
        return "null".into();
    };
    let allocation: Map<String, Value> = allocation
        .iter()
        .map(|(core, cu)| (core.0.to_string(), Value::String(cu.to_string())))
        .collect();
    json!({
        "epoch_params": {
            "global_nonce": epoch.nonce.to_string(),
            "difficulty": epoch.difficulty.to_string(),
        },
        "cu_allocation": allocation,
    })
    .to_string()
}

/// Reads the state.
///
/// # Errors
///
/// [`Malformed`] says what is wrong with it.
pub fn state_from_bytes(bytes: &[u8]) -> Result<State, Malformed> {
    let record = parse(bytes)?;
    if record.is_null() {
        return Ok(None);
    }
    let params = record
        .get("epoch_params")
        .ok_or(Malformed::Field("epoch_params"))?;
    let malformed = Malformed::Field("cu_allocation");
    let allocation = record
        .get("cu_allocation")
        .and_then(Value::as_object)
        .ok_or(malformed)?;
    let pair = |(core, cu): (&String, &Value)| {
        let core = core.parse().map(CoreId).map_err(|_| malformed)?;
        let cu = cu
            .as_str()
            .and_then(|cu| cu.parse().ok())
            .ok_or(malformed)?;
        Ok((core, cu))
    };
    let allocation = allocation.iter().map(pair).collect::<Result<_, _>>()?;
    Ok(Some((epoch_from_json(params)?, allocation)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{Difficulty, GlobalNonce, LocalNonce, ResultHash};

    #[test]
    fn records_are_read_as_they_were_written() {
        let epoch = Epoch {
            nonce: GlobalNonce([1; 32]),
            difficulty: Difficulty([2; 32]),
        };
        let cu = CuId([3; 32]);
        let (local_nonce, result_hash) = (LocalNonce([4; 32]), ResultHash([5; 32]));
        let proof = Proof {
            epoch,
            cu,
            index: 6,
            local_nonce,
            result_hash,
        };
        let text = proof_to_json(&proof).to_string();
        assert_eq!(proof_from_bytes(text.as_bytes()), Ok(proof));
        let first = text.replace(":6", ":0");
        assert_eq!(
            proof_from_bytes(first.as_bytes()),
            Err(Malformed::Field("idx"))
        );
        for state in [None, Some((epoch, BTreeMap::from([(CoreId(7), cu)])))] {
            assert_eq!(
                state_from_bytes(state_to_json(&state).as_bytes()),
                Ok(state)
            );
        }
    }
}
