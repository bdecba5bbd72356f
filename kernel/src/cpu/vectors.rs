//! Numbers of the interrupt vectors in use.

/// First vector that is not an exception.
pub const FIRST_DEVICE_VECTOR: u8 = 32;
/// The network card has received something.
pub const NETWORK_VECTOR: u8 = 0x40;
/// The one-shot timer of the local APIC.
pub const TIMER_VECTOR: u8 = 0x41;
/// Another core has put a message into this core's queue.
pub const MESSAGE_VECTOR: u8 = 0x42;
/// What the local APIC delivers when an interrupt went away; needs no end-of-interrupt.
pub const SPURIOUS_VECTOR: u8 = 0xff;
