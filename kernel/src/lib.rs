//! The Basalt kernel: everything between the firmware and the node. The only crate that touches
//! hardware.
//!
//! Layers, from the bottom:
//!
//! * [`mem`] and [`acpi`]: memory, and the firmware's tables;
//! * [`time`] and [`pci`]: clocks, and the bus;
//! * [`cpu`] and [`drivers`]: processors, and devices;
//! * [`log`] and [`entropy`], then [`mod@panic`];
//! * [`prover`] proves capacity on the compute cores;
//! * [`boot`] takes over from the UEFI firmware;
//! * [`system`] is what runs: one loop per core.
//!
//! A module imports from the lines above its own only. Where a call goes up, the upper module gives
//! a function at the start: [`mod@panic`] to the interrupt table, the system's start to [`boot`].
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
    start_for(system::bring_up)
}

/// Takes over from the firmware and leaves the rest to `bring_up`.
pub fn start_for(bring_up: fn(boot::Handover) -> !) -> ! {
    time::start(time::ticks());
    // Before any core loads its interrupt table, so that no exception goes untold.
    cpu::idt::on_exception(panic::exception);
    log::init();
    match boot::gather() {
        (handover, None) => bring_up(handover),
        (handover, Some(drivers)) => drivers.serve(handover, bring_up),
    }
}
