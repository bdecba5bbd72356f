//! Proving on the metal: the edge of the prover's state machine over compute cores and frames.
//!
//! * [`need`]: whether the machine can do what the manifest wants;
//! * [`memory`]: what the hash works in, from free frames; code that is written and executed;
//! * [`registers`]: the processor's own switches for the time of proving;
//! * [`assignment`]: what a core is given to prove;
//! * [`thread`]: a hardware thread's end, in the loop of its compute core;
//! * [`manager`]: the system core's end: which core does what, proofs, status;
//! * [`proofs`]: proofs on disk.

pub mod assignment;
pub mod manager;
pub mod memory;
pub mod need;
pub mod proofs;
pub mod registers;
pub mod thread;

pub use self::assignment::{Assignment, ComputeCore};
pub use self::manager::{Manager, homes, memory_needed};
pub use self::proofs::Kept;
pub use self::thread::ProverThread;
