//! PCI: finding devices and setting them up, through the memory-mapped configuration space.

pub mod ecam;
pub mod msix;

use alloc::vec::Vec;
use core::fmt;

use pci_types::{
    CommandRegister, EndpointHeader, HeaderType, PciAddress, PciHeader, PciPciBridgeHeader,
};

pub use self::ecam::Ecam;

/// Most functions that are listed. Bounds the scan on a bus that answers everywhere.
const MAX_FUNCTIONS: usize = 1024;

/// Base class of mass storage controllers.
pub const CLASS_STORAGE: u8 = 0x01;
/// Base class of network controllers.
pub const CLASS_NETWORK: u8 = 0x02;

/// A device function on the bus.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Where it is.
    pub address: PciAddress,
    /// Vendor identifier.
    pub vendor: u16,
    /// Device identifier.
    pub device: u16,
    /// Base class.
    pub class: u8,
    /// Class within the base class.
    pub subclass: u8,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            vendor,
            device,
            class,
            subclass,
        } = self;
        write!(
            f,
            "{address} [{vendor:04x}:{device:04x}] class {class:02x}{subclass:02x}"
        )
    }
}

/// All functions behind the first bus of each region, bridges included.
#[must_use]
pub fn scan(ecam: &Ecam) -> Vec<Function> {
    let mut found = Vec::new();
    let mut visited = [false; 256];
    for (segment, first_bus) in ecam.first_buses() {
        visited.fill(false);
        scan_bus(ecam, segment, first_bus, &mut visited, &mut found);
    }
    found
}

fn scan_bus(
    ecam: &Ecam,
    segment: u16,
    bus: u8,
    visited: &mut [bool; 256],
    found: &mut Vec<Function>,
) {
    // A bridge that names a bus seen before would make the scan run in circles.
    if core::mem::replace(&mut visited[usize::from(bus)], true) {
        return;
    }
    for device in 0..32 {
        let first = PciHeader::new(PciAddress::new(segment, bus, device, 0));
        if first.id(ecam).0 == 0xffff {
            continue;
        }
        let functions = if first.has_multiple_functions(ecam) {
            8
        } else {
            1
        };
        for function in 0..functions {
            let header = PciHeader::new(PciAddress::new(segment, bus, device, function));
            let (vendor, id) = header.id(ecam);
            if vendor == 0xffff || found.len() == MAX_FUNCTIONS {
                continue;
            }
            let (_, class, subclass, _) = header.revision_and_class(ecam);
            found.push(Function {
                address: header.address(),
                vendor,
                device: id,
                class,
                subclass,
            });
            if header.header_type(ecam) == HeaderType::PciPciBridge
                && let Some(bridge) = PciPciBridgeHeader::from_header(header, ecam)
            {
                scan_bus(
                    ecam,
                    segment,
                    bridge.secondary_bus_number(ecam),
                    visited,
                    found,
                );
            }
        }
    }
}

/// Lets the function decode memory and reach memory by itself; its wired interrupt stays off.
pub fn enable(ecam: &Ecam, address: PciAddress) {
    PciHeader::new(address).update_command(ecam, |command| {
        command
            | CommandRegister::MEMORY_ENABLE
            | CommandRegister::BUS_MASTER_ENABLE
            | CommandRegister::INTERRUPT_DISABLE
    });
}

/// The function's header, if it is an endpoint.
#[must_use]
pub fn endpoint(ecam: &Ecam, address: PciAddress) -> Option<EndpointHeader> {
    EndpointHeader::from_header(PciHeader::new(address), ecam)
}

/// Physical address of a memory BAR that the firmware has placed. Reads the registers as they are:
/// sizing would switch the function off for a moment.
#[must_use]
pub fn memory_bar(ecam: &Ecam, address: PciAddress, slot: u8) -> Option<u64> {
    const FIRST: u16 = 0x10;
    let register = |slot: u8| ecam.read_register(address, FIRST + 4 * u16::from(slot));
    if slot >= 6 {
        return None;
    }
    let low = register(slot);
    let base = u64::from(low & !0xf);
    let base = match low & 0b111 {
        0b000 => base,
        0b100 if slot < 5 => base | u64::from(register(slot + 1)) << 32,
        _ => return None,
    };
    (base != 0).then_some(base)
}
