//! Message-signalled interrupts (MSI-X): a device interrupts a core by writing to its APIC.

use pci_types::PciAddress;
use pci_types::capability::PciCapability;

use super::{Ecam, endpoint, memory_bar};
use crate::mem::map::Span;
use crate::mem::{mmio, space};

/// Where the processors' APICs listen for messages (Intel SDM volume 3, "Message Address
/// Register").
const MESSAGE_ADDRESS: u64 = 0xfee0_0000;
const ENTRY_LEN: u64 = 16;
/// Largest APIC identifier that fits the message address.
const MAX_TARGET: u32 = 0xff;

/// The message that brings `vector` to the core `apic_id`: address and data. `None` for a core that
/// messages do not reach.
#[must_use]
pub fn message(apic_id: u32, vector: u8) -> Option<(u64, u32)> {
    let target = MESSAGE_ADDRESS | u64::from(apic_id) << 12;
    (apic_id <= MAX_TARGET).then_some((target, u32::from(vector)))
}

/// Routes table entry 0 of the function to `vector` on the core `apic_id`, and switches MSI-X on.
/// `None` if the function or the core cannot be used that way: the driver polls then.
#[must_use]
pub fn route(ecam: &Ecam, address: PciAddress, apic_id: u32, vector: u8) -> Option<()> {
    let (target, data) = message(apic_id, vector)?;
    let mut msix = endpoint(ecam, address)?
        .capabilities(ecam)
        .find_map(|capability| match capability {
            PciCapability::MsiX(msix) => Some(msix),
            _ => None,
        })?;
    let bar = memory_bar(ecam, address, msix.table_bar())?;
    let table = bar + u64::from(msix.table_offset());
    let len = u64::from(msix.table_size()) * ENTRY_LEN;
    space::map_device(Span {
        start: table,
        end: table + len,
    })
    .ok()?;
    msix.set_function_mask(true, ecam);
    msix.set_enabled(true, ecam);
    // SAFETY: the function's own MSI-X table, mapped above; while masked it may be changed freely.
    unsafe {
        for entry in 0..u64::from(msix.table_size()) {
            mmio::write(table + entry * ENTRY_LEN + 12, 1_u32);
        }
        mmio::write(table, target as u32);
        mmio::write(table + 4, 0_u32);
        mmio::write(table + 8, data);
        mmio::write(table + 12, 0_u32);
    }
    msix.set_function_mask(false, ecam);
    Some(())
}
