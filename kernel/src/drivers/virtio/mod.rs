//! What the virtio drivers share: memory for rings ([`hal`]) and the PCI transport ([`transport`]).

pub mod hal;
pub mod transport;

use alloc::string::{String, ToString};

use virtio_drivers::transport::pci::PciTransport;
use virtio_drivers::transport::pci::bus::{DeviceFunction, PciRoot};

use self::hal::KernelHal;
use crate::pci::{self, Ecam, Function};

/// Vendor of all virtio devices.
pub const VENDOR: u16 = 0x1af4;
/// Device identifiers: transitional and modern.
pub const NETWORK: [u16; 2] = [0x1000, 0x1041];
/// Device identifiers: transitional and modern.
pub const ENTROPY: [u16; 2] = [0x1005, 0x1044];
/// Device identifiers: transitional and modern.
pub const BLOCK: [u16; 2] = [0x1001, 0x1042];

/// Opens the modern interface of a virtio function.
///
/// # Errors
/// What is wrong with its place or its capabilities, in words.
pub fn open(ecam: &Ecam, function: &Function) -> Result<PciTransport, String> {
    let address = function.address;
    if address.segment() != 0 {
        return Err("virtio devices outside PCI segment 0 are not supported".to_string());
    }
    pci::enable(ecam, address);
    let location = DeviceFunction {
        bus: address.bus(),
        device: address.device(),
        function: address.function(),
    };
    let mut root = PciRoot::new(ecam.clone());
    PciTransport::new::<KernelHal, _>(&mut root, location).map_err(|error| error.to_string())
}
