//! Processors: features and control registers, descriptor and interrupt tables, local APIC,
//! starting the other cores.
//!
//! One rule keeps all of this simple: interrupts are masked except inside [`idle`]. Nothing is ever
//! interrupted half-way, so device handlers only have to end the interrupt, and no lock has to mask
//! anything. Exceptions and NMIs may come at any time and never return.

pub mod apic;
pub mod features;
pub mod gdt;
pub mod idt;
pub mod local;
pub mod msr;
pub mod smp;
mod stop;
pub mod topology;
pub mod vectors;

pub use self::local::index;
pub use self::stop::{halt, idle, stop_others};
