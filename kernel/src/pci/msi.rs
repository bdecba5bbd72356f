//! Message-signalled interrupts of functions without MSI-X.

use pci_types::PciAddress;
use pci_types::capability::{MultipleMessageSupport, PciCapability};

use super::{Ecam, endpoint, msix};

/// Routes the function's interrupt to `vector` on the core `apic_id`, and switches MSI on. `None`
/// if the function or the core cannot be used that way: the driver polls then.
#[must_use]
pub fn route(ecam: &Ecam, address: PciAddress, apic_id: u32, vector: u8) -> Option<()> {
    let (target, data) = msix::message(apic_id, vector)?;
    let msi =
        endpoint(ecam, address)?
            .capabilities(ecam)
            .find_map(|capability| match capability {
                PciCapability::Msi(msi) => Some(msi),
                _ => None,
            })?;
    msi.set_message_info(target, data, ecam);
    msi.set_multiple_message_enable(MultipleMessageSupport::Int1, ecam);
    msi.set_enabled(true, ecam);
    Some(())
}
