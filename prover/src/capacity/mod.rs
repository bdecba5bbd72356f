//! The protocol around the hash: proofs of capacity per compute unit and epoch.
//!
//! * [`ids`]: the 32-byte values; [`randomx_key`] ties a unit to an epoch;
//! * [`proofs`]: the proofs of an epoch, and what may be handed on of them;
//! * [`prover`]: the state machine that decides what every core does;
//! * [`work`]: what a hardware thread does until it is told otherwise; [`slot`]: what threads share;
//! * [`rate`], [`prospects`]: how fast, and what that is worth;
//! * [`schedule`]: epochs by the clock, where no chain tells them;
//! * [`need`], [`msr`]: memory to set aside, and registers that make a core faster;
//! * [`records`], [`metrics`]: what is stored, and what is shown.

pub mod ids;
pub mod metrics;
pub mod msr;
pub mod need;
pub mod proofs;
pub mod prospects;
pub mod prover;
pub mod rate;
pub mod records;
pub mod schedule;
pub mod slot;
pub mod work;

pub use ids::{CuId, Difficulty, GlobalNonce, LocalNonce, ResultHash};
pub use proofs::{Proof, Proofs};
pub use prover::{CoreId, Effect, Input, Prover, Report, Task};

use sha3::{Digest, Keccak256};

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
