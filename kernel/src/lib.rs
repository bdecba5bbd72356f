//! The Basalt kernel: everything between the firmware and the node. The only crate that touches
//! hardware.
//!
//! Layers, from the bottom:
//!
//! * [`boot`] takes over from the UEFI firmware;
//! * [`mem`], [`cpu`], [`time`], [`entropy`], [`log`], [`panic`] are the machine itself;
//! * [`acpi`], [`pci`], [`drivers`] find and drive devices;
//! * [`prover`] proves capacity on the compute cores;
//! * [`system`] is what runs: one loop per core.
//!
//! Principles: one address space with pages that are writable or executable, never both; one loop
//! per core and no scheduler; interrupts only wake a sleeping loop. What can be pure is pure and
//! tested on the host: `cargo test -p basalt-kernel --lib`.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

// The fuzz target's body names the crate from outside.
#[cfg(test)]
extern crate self as basalt_kernel;

pub mod acpi;
pub mod boot;
pub mod cpu;
pub mod drivers;
pub mod entropy;
pub mod log;
pub mod mem;
pub mod panic;
pub mod pci;
pub mod prover;
pub mod system;
pub mod time;

/// Runs the appliance; called once, by the firmware's entry point.
pub fn start() -> ! {
    time::start(time::ticks());
    log::init();
    system::bring_up(boot::gather())
}
