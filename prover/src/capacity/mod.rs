//! The protocol around the hash: proofs of capacity per compute unit and epoch.

pub mod ids;

pub use ids::{CuId, Difficulty, GlobalNonce, LocalNonce, ResultHash};

use sha3::{Digest, Keccak256};

/// The RandomX key of a compute unit in an epoch: Keccak-256 of the global nonce and the unit's id.
pub fn randomx_key(nonce: &GlobalNonce, cu: &CuId) -> [u8; 32] {
    let mut hash = Keccak256::new();
    hash.update(nonce.0);
    hash.update(cu.0);
    hash.finalize().into()
}
