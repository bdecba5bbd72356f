//! Device drivers, a folder or file each, and what they share: [`dma`] is memory for devices,
//! [`window`] their registers, [`wait`] what they do while a device takes its
//! time, [`disk`] the safe face of all disks.

pub mod ahci;
pub mod disk;
pub mod dma;
#[cfg(test)]
mod memory;
pub mod network;
pub mod nvme;
pub mod virtio;
pub mod virtio_blk;
pub mod virtio_rng;
pub mod wait;
pub mod window;

use crate::pci::Function;

/// Whether the kernel drives the function.
#[must_use]
pub fn has_driver(function: &Function) -> bool {
    let is_disk =
        virtio_blk::matches(function) || nvme::matches(function) || ahci::matches(function);
    is_disk || network::has_driver(function) || virtio_rng::matches(function)
}
