//! What a client asks of the prover.

use super::error::Error;
use super::params::{After, BatchesAfter, Commitment, Params, UtilityCores};
use crate::capacity::proofs::BatchRequest;
use crate::capacity::records::proof_to_json;
use crate::capacity::{CoreId, CuId, Difficulty, Epoch, GlobalNonce, Proof, Proofs};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::{Value, json};

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

impl Call {
    /// The call of a method. A map and a list of its parameters have so many entries at most.
    pub(super) fn parse(method: &str, params: Params<'_>, entries: usize) -> Result<Self, Error> {
        let fits = |count: usize| match count <= entries {
            true => Ok(()),
            false => Err(Error::InvalidParams(format!("more than {entries} entries"))),
        };
        match method {
            "ccp_on_active_commitment" => {
                let Commitment {
                    global_nonce,
                    difficulty,
                    cu_allocation,
                } = params.named().unwrap_or_else(|| {
                    let mut list = params.positions();
                    Ok(Commitment {
                        global_nonce: list.next()?,
                        difficulty: list.next()?,
                        cu_allocation: list.next()?,
                    })
                })?;
                fits(cu_allocation.len())?;
                let epoch = Epoch {
                    nonce: GlobalNonce(global_nonce.good()?),
                    difficulty: Difficulty(difficulty.good()?),
                };
                let allocation = cu_allocation.into_iter();
                let allocation = allocation.map(|(core, cu)| Ok((CoreId(core), CuId(cu.good()?))));
                Ok(Self::OnActiveCommitment {
                    epoch,
                    allocation: allocation.collect::<Result<_, Error>>()?,
                })
            }
            "ccp_on_no_active_commitment" => Ok(Self::OnNoActiveCommitment),
            "ccp_get_proofs_after" => {
                let asked: After = params.named().unwrap_or_else(|| {
                    let mut list = params.positions();
                    Ok(After {
                        last_known_proofs: list.next()?,
                        limit: list.next()?,
                    })
                })?;
                fits(asked.last_known_proofs.len())?;
                let known = asked.last_known_proofs.into_iter();
                let known = known.map(|(cu, index)| Ok((CuId(cu.good()?), index)));
                Ok(Self::GetProofsAfter {
                    known: known.collect::<Result<_, Error>>()?,
                    limit: asked.limit,
                })
            }
            "ccp_get_batch_proofs_after" => {
                let asked: BatchesAfter = params.named().unwrap_or_else(|| {
                    let mut list = params.positions();
                    Ok(BatchesAfter {
                        reqs: list.next()?,
                        min_batch_count: list.next()?,
                        max_batch_count: list.next()?,
                    })
                })?;
                fits(asked.reqs.len())?;
                let requests = asked.reqs.into_iter().map(|(cu, request)| {
                    let after = request.last_seen_proof_idx;
                    let size = request.proof_batch_size;
                    Ok((CuId(cu.good()?), BatchRequest { after, size }))
                });
                Ok(Self::GetBatchProofsAfter {
                    requests: requests.collect::<Result<_, Error>>()?,
                    min: asked.min_batch_count,
                    max: asked.max_batch_count,
                })
            }
            "ccp_realloc_utility_cores" => {
                let cores: UtilityCores = params.named().unwrap_or_else(|| {
                    let utility_core_ids = params.positions().next()?;
                    Ok(UtilityCores { utility_core_ids })
                })?;
                fits(cores.utility_core_ids.len())?;
                Ok(Self::ReallocUtilityCores(cores.utility_core_ids))
            }
            _ => Err(Error::MethodNotFound),
        }
    }
}

/// The result of a call that only looks at proofs, of so many at most; `None` for those that change
/// something.
pub fn query(call: &Call, proofs: &Proofs, entries: usize) -> Option<Value> {
    match call {
        Call::GetProofsAfter { known, limit } => {
            Some(to_json(&proofs.after(known, (*limit).min(entries))))
        }
        Call::GetBatchProofsAfter { requests, min, max } => {
            Some(to_json(&proofs.batches(requests, *min, *max, entries)))
        }
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
