//! The local APIC: interrupts between cores, the one-shot timer, end of interrupt.
//!
//! In x2APIC mode the registers are model-specific registers, else they lie in memory. Source:
//! Intel SDM volume 3, chapter "Advanced Programmable Interrupt Controller".

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use core::time::Duration;

use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

use super::features::Features;
use super::vectors::{SPURIOUS_VECTOR, TIMER_VECTOR};
use crate::mem::map::Span;
use crate::mem::paging::NoTable;
use crate::mem::{PAGE, mmio, space};
use crate::time::{self, tsc::Rate};

const IA32_APIC_BASE: u32 = 0x1b;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const BASE_ENABLE: u64 = 1 << 11;
const BASE_X2APIC: u64 = 1 << 10;
const BASE_ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Register numbers: the x2APIC register is at 800h + number, the other at base + 16 * number.
mod register {
    pub(super) const ID: u32 = 0x02;
    pub(super) const END_OF_INTERRUPT: u32 = 0x0b;
    pub(super) const SPURIOUS: u32 = 0x0f;
    pub(super) const COMMAND: u32 = 0x30;
    pub(super) const COMMAND_HIGH: u32 = 0x31;
    pub(super) const TIMER: u32 = 0x32;
    pub(super) const LINE_0: u32 = 0x35;
    pub(super) const TIMER_INITIAL: u32 = 0x38;
    pub(super) const TIMER_CURRENT: u32 = 0x39;
    pub(super) const TIMER_DIVIDE: u32 = 0x3e;
}

const SOFTWARE_ENABLE: u32 = 1 << 8;
const MASKED: u32 = 1 << 16;
const TIMER_DEADLINE_MODE: u32 = 1 << 18;
const DIVIDE_BY_1: u32 = 0b1011;

const DELIVER_NMI: u32 = 4 << 8;
const DELIVER_INIT: u32 = 5 << 8;
const DELIVER_STARTUP: u32 = 6 << 8;
const ASSERT: u32 = 1 << 14;
const PENDING: u32 = 1 << 12;
const ALL_BUT_SELF: u32 = 3 << 18;

const OFF: u8 = 0;
const MEMORY: u8 = 1;
const X2: u8 = 2;

/// Whether the firmware goes on on another core.
static KEEP_LEGACY: AtomicBool = AtomicBool::new(false);

/// How registers are reached; the same on all cores.
static MODE: AtomicU8 = AtomicU8::new(OFF);
static BASE: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds per timer tick as [`Rate`] bits; 0 means the timer works by deadline.
static TIMER_RATE: AtomicU64 = AtomicU64::new(0);

fn read(register: u32) -> u32 {
    // SAFETY: reading these registers has no effect; the mode was set by `enable`.
    unsafe {
        match MODE.load(Ordering::Relaxed) {
            X2 => Msr::new(0x800 + register).read() as u32,
            _ => mmio::read(BASE.load(Ordering::Relaxed) + 16 * u64::from(register)),
        }
    }
}

fn write(register: u32, value: u32) {
    // SAFETY: the callers write values that the register's description allows; the mode was set by
    // `enable`.
    unsafe {
        match MODE.load(Ordering::Relaxed) {
            X2 => Msr::new(0x800 + register).write(u64::from(value)),
            _ => mmio::write(
                BASE.load(Ordering::Relaxed) + 16 * u64::from(register),
                value,
            ),
        }
    }
}

/// Switches this core's APIC on and keeps the legacy controller silent.
///
/// # Errors
/// [`NoTable`] if the registers could not be mapped.
pub fn enable(features: &Features) -> Result<(), NoTable> {
    let mut base_register = Msr::new(IA32_APIC_BASE);
    // SAFETY: every x86-64 processor has the register.
    let base = unsafe { base_register.read() };
    let mode = if features.x2apic { X2 } else { MEMORY };
    let address = base & BASE_ADDRESS;
    if MODE.load(Ordering::Relaxed) == OFF {
        if !KEEP_LEGACY.load(Ordering::Relaxed) {
            mask_legacy_controller();
        }
        space::map_device(Span {
            start: address,
            end: address + PAGE,
        })?;
        BASE.store(address, Ordering::Relaxed);
        MODE.store(mode, Ordering::Relaxed);
    }
    let wanted = base | BASE_ENABLE | if mode == X2 { BASE_X2APIC } else { 0 };
    // SAFETY: enabling the APIC at its address, and x2APIC mode only where the processor has it.
    unsafe { base_register.write(wanted) };
    write(register::LINE_0, MASKED);
    write(register::TIMER, MASKED);
    write(
        register::SPURIOUS,
        SOFTWARE_ENABLE | u32::from(SPURIOUS_VECTOR),
    );
    Ok(())
}

/// Leaves the legacy controller to the firmware, whose timer may need it.
pub fn keep_legacy_controller() {
    KEEP_LEGACY.store(true, Ordering::Relaxed);
}

fn mask_legacy_controller() {
    // SAFETY: the mask ports of the two legacy interrupt controllers; a machine without them
    // ignores the writes.
    unsafe {
        Port::<u8>::new(0x21).write(0xff);
        Port::<u8>::new(0xa1).write(0xff);
    }
}

/// This core's identifier.
#[must_use]
pub fn id() -> u32 {
    let id = read(register::ID);
    if MODE.load(Ordering::Relaxed) == X2 {
        id
    } else {
        id >> 24
    }
}

/// Whether messages reach the core with this identifier.
#[must_use]
pub fn reaches(target: u32) -> bool {
    /// Identifiers without x2APIC mode have eight bits, all ones meaning everybody.
    const EVERYBODY: u32 = 0xff;
    MODE.load(Ordering::Relaxed) == X2 || target < EVERYBODY
}

/// Tells the APIC that the interrupt is dealt with.
pub fn end_of_interrupt() {
    write(register::END_OF_INTERRUPT, 0);
}

fn send(target: u32, command: u32) {
    match MODE.load(Ordering::Relaxed) {
        OFF => {}
        X2 => {
            let value = u64::from(target) << 32 | u64::from(command);
            // SAFETY: the command register in x2APIC mode; the commands built here start or wake
            // cores, which run code of this kernel.
            unsafe { Msr::new(0x800 + register::COMMAND).write(value) };
        }
        _ => {
            write(register::COMMAND_HIGH, target << 24);
            write(register::COMMAND, command);
            while read(register::COMMAND) & PENDING != 0 {
                core::hint::spin_loop();
            }
        }
    }
}

/// Wakes or tells the core with this identifier.
pub fn send_interrupt(target: u32, vector: u8) {
    send(target, ASSERT | u32::from(vector));
}

/// Resets the core with this identifier.
pub fn send_init(target: u32) {
    send(target, ASSERT | DELIVER_INIT);
}

/// Lets the core with this identifier start at page number `page` in 16-bit mode.
pub fn send_startup(target: u32, page: u8) {
    send(target, ASSERT | DELIVER_STARTUP | u32::from(page));
}

/// Sends all other cores an NMI.
pub fn send_nmi_to_others() {
    send(0, ASSERT | DELIVER_NMI | ALL_BUT_SELF);
}

/// Prepares the one-shot timer: by deadline where the processor has it, else by counting, whose
/// rate is measured here once.
pub fn prepare_timer(features: &Features) {
    /// Long enough for a part in a thousand, short enough not to be seen at boot.
    const MEASURE: Duration = Duration::from_millis(1);

    if features.tsc_deadline {
        write(
            register::TIMER,
            TIMER_DEADLINE_MODE | u32::from(TIMER_VECTOR),
        );
        return;
    }
    write(register::TIMER_DIVIDE, DIVIDE_BY_1);
    if TIMER_RATE.load(Ordering::Relaxed) == 0 {
        write(register::TIMER_INITIAL, u32::MAX);
        let start = time::ticks();
        time::spin(MEASURE);
        let counted = u32::MAX - read(register::TIMER_CURRENT);
        let nanos = time::rate().nanos(time::ticks() - start).max(1);
        write(register::TIMER_INITIAL, 0);
        let hz = u64::from(counted.max(1)) * 1_000_000_000 / nanos;
        let rate = Rate::from_hz(hz.max(1_000_000)).map_or(1, Rate::to_bits);
        TIMER_RATE.store(rate, Ordering::Relaxed);
    }
    write(register::TIMER, u32::from(TIMER_VECTOR));
}

/// Lets the timer interrupt this core once at `moment`, or soon if that has passed; a later call
/// replaces an earlier one.
pub fn set_timer(moment: Duration) {
    match TIMER_RATE.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: the timer is in deadline mode; a deadline in the past fires at once.
            unsafe { Msr::new(IA32_TSC_DEADLINE).write(time::ticks_at(moment).max(1)) };
        }
        bits => {
            let ahead = moment.saturating_sub(time::since_entry());
            let nanos = u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX);
            let count = Rate::from_bits(bits)
                .ticks(nanos)
                .clamp(1, u64::from(u32::MAX));
            write(register::TIMER_INITIAL, count as u32);
        }
    }
}

/// Takes back what [`set_timer`] set.
pub fn clear_timer() {
    if TIMER_RATE.load(Ordering::Relaxed) == 0 {
        // SAFETY: 0 disarms the deadline.
        unsafe { Msr::new(IA32_TSC_DEADLINE).write(0) };
    } else {
        write(register::TIMER_INITIAL, 0);
    }
}
