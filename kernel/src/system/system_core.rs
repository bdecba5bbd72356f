//! The system core, as the other cores know it, and the node's clock.

use core::sync::atomic::{AtomicU32, Ordering};

use basalt_net::time::Instant;

use crate::cpu::apic;
use crate::cpu::idt::MESSAGE_VECTOR;
use crate::time;

/// APIC identifier of the system core.
static ID: AtomicU32 = AtomicU32::new(0);

/// Names this core as the system core, before any other could have something to tell it.
pub fn claim() {
    ID.store(apic::id(), Ordering::Relaxed);
}

/// Wakes the system core, which looks for reports and requests then.
pub fn wake() {
    apic::send_interrupt(ID.load(Ordering::Relaxed), MESSAGE_VECTOR);
}

/// The node's monotonic clock.
#[must_use]
pub fn now() -> Instant {
    Instant::from_micros(u64::try_from(time::since_entry().as_micros()).unwrap_or(u64::MAX))
}
