//! Proving on the metal: the edge of the prover's state machine over compute cores and frames.
//!
//! * [`need`]: whether the machine can do what the manifest wants;
//! * [`memory`]: what the hash works in, from free frames; code that is written and executed;
//! * [`registers`]: the processor's own switches for the time of proving;
//! * [`seat`]: a hardware thread's end, in the loop of its compute core;
//! * [`manager`]: the system core's end: which core does what, proofs, status;
//! * [`shelf`]: proofs on disk.

pub mod manager;
pub mod memory;
pub mod need;
pub mod registers;
pub mod seat;
pub mod shelf;

pub use self::manager::{Manager, homes, memory_needed};
