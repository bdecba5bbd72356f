//! NVMe disks, by one queue pair for administration and one for blocks, polled.
//!
//! From the outside in: [`controller`] brings the device up and is the disk's engine; [`queue`] is
//! a pair of rings; [`command`] what stands in them, [`prp`] how data is named, [`identify`] what
//! the device says about itself, [`registers`] what the bus shows. Source: NVM Express base
//! specification 1.4.
//!
//! A request is a round trip: the store waits for each of its writes and flushes anyway, and a
//! completion is seen sooner by looking than by an interrupt.

mod command;
mod controller;
mod identify;
mod prp;
mod queue;
mod registers;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};

use super::disk::Disk;
use super::window::Bar;
use crate::pci::{self, CLASS_STORAGE, Ecam, Function};

pub use self::controller::Nvme;

/// Class of NVMe controllers within the storage controllers.
const SUBCLASS: u8 = 0x08;
/// Bytes of registers, doorbells of two queue pairs at the widest stride aside.
const REGISTERS: u64 = 0x1000;

/// Whether the function is such a controller.
#[must_use]
pub fn matches(function: &Function) -> bool {
    function.class == CLASS_STORAGE && function.subclass == SUBCLASS
}

/// Sets the controller up.
///
/// # Errors
/// What went wrong, in words.
pub fn open(ecam: &Ecam, function: &Function) -> Result<Disk<Nvme<Bar>>, String> {
    const MISPLACED: &str = "the firmware has not placed its registers";
    pci::enable(ecam, function.address);
    let head = Bar::map(ecam, function.address, 0, REGISTERS).ok_or(MISPLACED)?;
    let doorbells = registers::Capabilities::read(&head).doorbells_end();
    let bar = Bar::map(ecam, function.address, 0, doorbells).ok_or(MISPLACED)?;
    let (engine, facts) = Nvme::new(bar).map_err(|error| error.to_string())?;
    Disk::new(engine, facts)
}
