//! Device drivers, a folder or file each, and what they share: [`dma`] is memory for devices,
//! [`window`] their registers, [`disk`] the safe face of all disks.

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
pub mod window;
