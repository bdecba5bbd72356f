//! x86-64 machine code for the two hot loops: programs of the virtual machine, and superscalar
//! programs making dataset items.
//!
//! Code is written into executable memory lent by the caller and run from there by the same core.
//! Both generators use one register plan: the eight integer registers live in `r8` to `r15`.
//! Everything generated is straight code with bounded loops over masked addresses; what the masks
//! allow is asserted against the regions before each run.
#![allow(unsafe_code)]

mod asm;
mod items;
mod program;
mod vector;

pub use items::ItemCode;
pub use program::{Job, ProgramCode};
