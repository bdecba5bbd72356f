//! The PHY, reached through the MAC's MDIC register.
//!
//! Source: 82574 datasheet section 10.2.2.7 (MDIC); I217/I218/I219 datasheets, "PHY registers"
//! (page selection by register 31, low power idle control at page 772, register 20).

use core::fmt;
use core::time::Duration;

use super::registers::{EXTCNF_CTRL, MDIC, Registers};

/// The PHY did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// It has not finished within the time allowed.
    TimedOut,
    /// The MAC reports an error of the access.
    Refused,
    /// The management engine keeps the PHY for itself.
    Busy,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the PHY does not answer",
            Self::Refused => "the MAC reports an error in an access to the PHY",
            Self::Busy => "the management engine does not let go of the PHY",
        })
    }
}

/// Address of the first PHY on the bus.
const FIRST: u32 = 1;
const ADDRESS_SHIFT: u32 = 21;
const REGISTER_SHIFT: u32 = 16;
const OP_WRITE: u32 = 1 << 26;
const OP_READ: u32 = 2 << 26;
const READY: u32 = 1 << 28;
const ERROR: u32 = 1 << 30;

/// An access takes 64 bit times of a 2.5 MHz clock: 100 steps are some 200 times that.
const STEP: Duration = Duration::from_micros(50);
const STEPS: u32 = 100;

fn access(registers: &impl Registers, command: u32) -> Result<u16, Error> {
    registers.write(MDIC, command | FIRST << ADDRESS_SHIFT);
    for _ in 0..STEPS {
        registers.pause(STEP);
        let value = registers.read(MDIC);
        if value & READY != 0 {
            return match value & ERROR {
                0 => Ok(value as u16),
                _ => Err(Error::Refused),
            };
        }
    }
    Err(Error::TimedOut)
}

/// Reads a register of the selected page.
pub(super) fn read(registers: &impl Registers, register: u8) -> Result<u16, Error> {
    access(
        registers,
        OP_READ | u32::from(register & 31) << REGISTER_SHIFT,
    )
}

/// Writes a register of the selected page.
pub(super) fn write(registers: &impl Registers, register: u8, value: u16) -> Result<(), Error> {
    let place = u32::from(register & 31) << REGISTER_SHIFT;
    access(registers, OP_WRITE | place | u32::from(value)).map(drop)
}

/// Selects a page; the number stands above the five bits of the register number.
const PAGE_SELECT: u8 = 31;

fn select(registers: &impl Registers, page: u16) -> Result<(), Error> {
    write(registers, PAGE_SELECT, page << 5)
}

/// Bit of EXTCNF_CTRL by which software owns the PHY.
const OWNED: u32 = 1 << 5;
const OWN_STEP: Duration = Duration::from_millis(1);
const OWN_STEPS: u32 = 100;

/// Does something while the management engine keeps off the PHY.
fn owning<R: Registers>(
    registers: &R,
    work: impl FnOnce(&R) -> Result<(), Error>,
) -> Result<(), Error> {
    let owned = || registers.read(EXTCNF_CTRL) & OWNED != 0;
    let mut steps = 0;
    while owned() {
        if steps == OWN_STEPS {
            return Err(Error::Busy);
        }
        registers.pause(OWN_STEP);
        steps += 1;
    }
    registers.write(EXTCNF_CTRL, registers.read(EXTCNF_CTRL) | OWNED);
    // The bit does not stick while the engine is in there.
    if !owned() {
        return Err(Error::Busy);
    }
    let outcome = work(registers);
    registers.write(EXTCNF_CTRL, registers.read(EXTCNF_CTRL) & !OWNED);
    outcome
}

const LOW_POWER_PAGE: u16 = 772;
const LOW_POWER_CONTROL: u8 = 20;
/// Low power idle at 100 and at 1000 Mbit/s.
const LOW_POWER_ENABLE: u16 = 3 << 13;

/// Switches Energy Efficient Ethernet off in the PHY of an integrated controller: leaving the idle
/// state costs microseconds per burst, and some switches lose frames over it.
pub(super) fn disable_energy_efficient(registers: &impl Registers) -> Result<(), Error> {
    owning(registers, |registers| {
        select(registers, LOW_POWER_PAGE)?;
        let value = read(registers, LOW_POWER_CONTROL)?;
        let outcome = write(registers, LOW_POWER_CONTROL, value & !LOW_POWER_ENABLE);
        select(registers, 0).and(outcome)
    })
}
