//! Programs of the virtual machine as x86-64 machine code.
//!
//! Code is written into executable memory lent by the caller and run from there by the same core.
//! [`item_code`](super::item_code) makes dataset items the same way, with the same register plan:
//! the eight integer registers live in `r8` to `r15`. Everything generated is straight code with
//! bounded loops over masked addresses; what the masks allow is asserted against the regions before
//! each run.
#![allow(unsafe_code)]

mod program;

pub use super::item_code::ItemCode;
pub use program::{Job, ProgramCode};
