//! The protocol around the hash: proofs of capacity per compute unit and epoch.
//!
//! * [`ids`]: the 32-byte values;
//! * [`epoch`]: what the units of an epoch share; [`randomx_key`] ties a unit to it;
//! * [`proofs`]: the proofs of an epoch, and what may be handed on of them;
//! * [`prover`]: the state machine that decides what every core does;
//! * [`work`]: what a hardware thread does until it is told otherwise; [`slot`]: what threads
//!   share;
//! * [`rate`], [`prospects`]: how fast, and what that is worth;
//! * [`schedule`]: epochs by the clock, where no chain tells them;
//! * [`need`], [`msr`]: memory to set aside, and registers that make a core faster;
//! * [`records`], [`metrics`]: what is stored, and what is shown.

pub mod epoch;
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

pub use epoch::{Epoch, Quota, randomx_key};
pub use ids::{CuId, Difficulty, GlobalNonce, LocalNonce, ResultHash};
pub use proofs::{Proof, Proofs};
pub use prover::{CoreId, Effect, Input, Prover, Report, Task};
