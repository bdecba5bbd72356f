//! What all compute units of an epoch share, and the key of each.

use sha3::{Digest, Keccak256};

use super::ids::{CuId, Difficulty, GlobalNonce};

/// What all compute units of an epoch share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The nonce that all keys of the epoch come from.
    pub nonce: GlobalNonce,
    /// The threshold of the epoch's proofs.
    pub difficulty: Difficulty,
}

/// How many proofs of a compute unit an epoch takes. They change on chain and are never assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Fewer make the epoch a failed one.
    pub min: Option<u32>,
    /// More are refused by the contract.
    pub max: Option<u32>,
}

/// The RandomX key of a compute unit in an epoch: Keccak-256 of the global nonce and the unit's id.
pub fn randomx_key(nonce: &GlobalNonce, cu: &CuId) -> [u8; 32] {
    let mut hash = Keccak256::new();
    hash.update(nonce.0);
    hash.update(cu.0);
    hash.finalize().into()
}
