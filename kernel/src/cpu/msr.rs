//! Model-specific registers that may not exist: reading and writing them without the fault that a
//! missing one raises.
//!
//! The core notes where to go on before it touches the register; a general protection fault goes
//! there ([`recover`]) instead of ending the machine.

use core::arch::asm;
use core::mem::offset_of;
use core::sync::atomic::Ordering;

use super::local::{self, Local};

/// The register does not exist, or does not take the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// Reads register `number` of this core.
///
/// # Errors
/// [`Fault`] if it does not exist.
pub fn read(number: u32) -> Result<u64, Fault> {
    let (low, high, failed): (u32, u32, u32);
    // SAFETY: reading has no effect but the value, or a fault, after which `recover` goes on at
    // label 2 with the registers as they were. `Local` is at the GS base of every core that runs.
    unsafe {
        asm!(
            "lea {place}, [rip + 2f]",
            "mov gs:[{recovery}], {place}",
            "mov {failed:e}, 1",
            "rdmsr",
            "mov {failed:e}, 0",
            "2:",
            "mov qword ptr gs:[{recovery}], 0",
            place = out(reg) _,
            failed = out(reg) failed,
            recovery = const offset_of!(Local, recovery),
            in("ecx") number,
            out("eax") low,
            out("edx") high,
        );
    }
    match failed {
        0 => Ok(u64::from(high) << 32 | u64::from(low)),
        _ => Err(Fault),
    }
}

/// Writes register `number` of this core.
///
/// # Errors
/// [`Fault`] if it does not exist or does not take the value; then nothing has changed.
///
/// # Safety
/// The value must not change what compiled code relies on.
pub unsafe fn write(number: u32, value: u64) -> Result<(), Fault> {
    let failed: u32;
    // SAFETY: as in `read`; what the value does is the caller's promise.
    unsafe {
        asm!(
            "lea {place}, [rip + 2f]",
            "mov gs:[{recovery}], {place}",
            "mov {failed:e}, 1",
            "wrmsr",
            "mov {failed:e}, 0",
            "2:",
            "mov qword ptr gs:[{recovery}], 0",
            place = out(reg) _,
            failed = out(reg) failed,
            recovery = const offset_of!(Local, recovery),
            in("ecx") number,
            in("eax") value as u32,
            in("edx") (value >> 32) as u32,
        );
    }
    match failed {
        0 => Ok(()),
        _ => Err(Fault),
    }
}

/// Where a general protection fault of this core goes on, once, if it was touching a register.
pub(super) fn recover() -> Option<u64> {
    let place = local::current()?.recovery.swap(0, Ordering::Relaxed);
    (place != 0).then_some(place)
}
