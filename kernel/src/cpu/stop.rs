//! Cores that stop: until the next interrupt, or for good.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use super::apic;

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
pub(super) static STOPPING: AtomicBool = AtomicBool::new(false);

/// Stops all other cores by NMI, whatever they do.
pub fn stop_others() {
    if !STOPPING.swap(true, Ordering::SeqCst) {
        apic::send_nmi_to_others();
    }
}
