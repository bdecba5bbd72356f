//! The virtio entropy device: read once, at boot.

use alloc::string::{String, ToString};

use virtio_drivers::device::rng::VirtIORng;

use super::virtio::{self, hal::KernelHal};
use crate::pci::{Ecam, Function};

/// Whether the function is such a device.
#[must_use]
pub fn matches(function: &Function) -> bool {
    function.vendor == virtio::VENDOR && virtio::ENTROPY.contains(&function.device)
}

/// Reads up to 64 bytes. The device is reset afterwards.
///
/// # Errors
/// What went wrong, in words.
pub fn read(ecam: &Ecam, function: &Function) -> Result<heapless::Vec<u8, 64>, String> {
    let transport = virtio::open(ecam, function)?;
    let mut device =
        VirtIORng::<KernelHal, _>::new(transport).map_err(|error| error.to_string())?;
    let mut bytes = [0; 64];
    let len = device
        .request_entropy(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes.into_iter().take(len).collect())
}
