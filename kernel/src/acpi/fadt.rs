//! The FADT ("FACP"): power-management timer and reset register.

use super::table::{Table, u16_at, u32_at, u64_at};

mod field {
    pub(super) const PM_TIMER_BLOCK: usize = 76;
    pub(super) const PM_TIMER_LEN: usize = 91;
    pub(super) const FLAGS: usize = 112;
    pub(super) const RESET_REGISTER: usize = 116;
    pub(super) const RESET_VALUE: usize = 128;
}

const FLAG_TIMER_IS_32_BIT: u32 = 1 << 8;
const FLAG_RESET_SUPPORTED: u32 = 1 << 10;

const SPACE_MEMORY: u8 = 0;
const SPACE_IO: u8 = 1;

/// The power-management timer: 3,579,545 Hz, 24 or 32 bits wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PmTimer {
    /// I/O port of the counter.
    pub port: u16,
    /// Whether it wraps at 32 bits instead of 24.
    pub is_32_bit: bool,
}

/// A register that resets the machine when `value` is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetRegister {
    /// An I/O port.
    Port {
        /// The port.
        port: u16,
        /// What to write.
        value: u8,
    },
    /// A byte in physical memory.
    Memory {
        /// Its address.
        address: u64,
        /// What to write.
        value: u8,
    },
}

/// The timer, if the platform has it as an I/O port.
#[must_use]
pub fn pm_timer(table: Table<'_>) -> Option<PmTimer> {
    let bytes = table.bytes();
    let port = u16::try_from(u32_at(bytes, field::PM_TIMER_BLOCK)?).ok()?;
    if port == 0 || *bytes.get(field::PM_TIMER_LEN)? != 4 {
        return None;
    }
    let is_32_bit = u32_at(bytes, field::FLAGS)? & FLAG_TIMER_IS_32_BIT != 0;
    Some(PmTimer { port, is_32_bit })
}

/// The reset register, if the platform has one that is reached without AML.
#[must_use]
pub fn reset_register(table: Table<'_>) -> Option<ResetRegister> {
    let bytes = table.bytes();
    if u32_at(bytes, field::FLAGS)? & FLAG_RESET_SUPPORTED == 0 {
        return None;
    }
    let value = *bytes.get(field::RESET_VALUE)?;
    let register = bytes.get(field::RESET_REGISTER..)?;
    match *register.first()? {
        SPACE_IO => Some(ResetRegister::Port {
            port: u16_at(register, 4)?,
            value,
        }),
        SPACE_MEMORY => Some(ResetRegister::Memory {
            address: u64_at(register, 4)?,
            value,
        }),
        _ => None,
    }
}
