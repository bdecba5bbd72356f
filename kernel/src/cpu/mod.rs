//! Processors: features and control registers, descriptor and interrupt tables, local APIC, starting
//! the other cores.
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
pub mod topology;

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

pub use self::local::index;

/// Masks interrupts and stops this core for good.
pub fn halt() -> ! {
    loop {
        // SAFETY: nothing runs on this core any more; an NMI that wakes it finds the loop.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

/// Sleeps until an interrupt or until one came since interrupts were last open.
pub fn idle() {
    // SAFETY: `sti` takes effect after `hlt` has begun, so no interrupt is missed. Device handlers
    // use vector registers without saving them: the clobbers tell the compiler.
    unsafe { asm!("sti", "hlt", "cli", clobber_abi("C")) };
}

/// Set once: the first core to panic stops all others.
pub static STOPPING: AtomicBool = AtomicBool::new(false);

/// Stops all other cores by NMI, whatever they do.
pub fn stop_others() {
    if !STOPPING.swap(true, Ordering::SeqCst) {
        apic::send_nmi_to_others();
    }
}
