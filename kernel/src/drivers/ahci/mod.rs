//! SATA disks behind an AHCI controller, each port by one command at a time, polled.
//!
//! From the outside in: [`port`] brings a port up and is a disk's engine; [`command`] is what
//! stands in memory for it, [`identify`] what the disk says about itself, [`registers`] what the
//! bus shows. Sources: Serial ATA AHCI specification 1.3.1, ATA command set ACS-3.

mod command;
mod identify;
mod port;
mod registers;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use self::registers::{host, port_base};
use super::disk::Disk;
use super::window::{Bar, Window};
use crate::pci::{self, CLASS_STORAGE, Ecam, Function};

pub use self::port::Port;

/// Class of SATA controllers within the storage controllers.
const SUBCLASS: u8 = 0x06;
/// The BAR with the registers.
const SLOT: u8 = 5;
/// Longest that firmware takes to let go of the controller.
const HANDOVER: Duration = Duration::from_secs(2);

/// Whether the function is such a controller.
#[must_use]
pub fn matches(function: &Function) -> bool {
    function.class == CLASS_STORAGE && function.subclass == SUBCLASS
}

/// What is behind a port: its number, and the disk or why it cannot be used.
pub type Connected = (u32, Result<Disk<Port<Bar>>, String>);

/// Sets the disks of a controller up. Ports without a disk are left out.
///
/// # Errors
/// What is wrong with the controller itself, in words.
pub fn open(ecam: &Ecam, function: &Function) -> Result<Vec<Connected>, String> {
    pci::enable(ecam, function.address);
    let map = |len| {
        Bar::map(ecam, function.address, SLOT, len)
            .ok_or("the firmware has not placed its registers")
    };
    let ports = take_over(&mut map(port_base(0))?);
    let end = port_base(u32::BITS - ports.leading_zeros());
    let numbers = (0..32).filter(|number| ports >> number & 1 == 1);
    // Empty ports are waited for, but all at the same time.
    let mut window = map(end)?;
    numbers
        .clone()
        .for_each(|number| port::wake(&mut window, number));
    let links_by = window.now() + port::LINK;
    let mut found = Vec::new();
    for number in numbers {
        match Port::new(map(end)?, number, links_by) {
            Ok((engine, facts)) => found.push((number, Disk::new(engine, facts))),
            Err(port::Error::Empty) => {}
            Err(error) => found.push((number, Err(error.to_string()))),
        }
    }
    Ok(found)
}

/// Takes the controller from the firmware and switches it to AHCI; gives the bits of its ports.
fn take_over<W: Window>(window: &mut W) -> u32 {
    if window.read(host::CAPABILITIES_2) & host::HANDOVER_SUPPORTED != 0 {
        let control = window.read(host::HANDOVER);
        window.write(host::HANDOVER, control | host::OURS);
        let let_go =
            |window: &W| (window.read(host::HANDOVER) & host::FIRMWARES == 0).then_some(());
        if window.wait(HANDOVER, let_go).is_none() {
            ::log::warn!(target: "disk", "the firmware does not let go of the AHCI controller");
        }
    }
    let control = window.read(host::CONTROL);
    // Polled: no interrupts.
    window.write(host::CONTROL, (control | host::AHCI) & !host::INTERRUPTS);
    window.read(host::PORTS)
}
