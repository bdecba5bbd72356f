//! The virtio disk.
//!
//! [`layout`] is what stands in the configuration and in requests, [`engine`] the device and its
//! ring. Source: virtio specification 1.2, section 5.2.

mod engine;
mod layout;

use alloc::string::{String, ToString};

use super::disk::{Disk, Facts, MAX_TRANSFER};
use super::virtio::{self, transport::MsixTransport};
use crate::pci::{Ecam, Function};

pub use self::engine::Virtio;

/// Whether the function is such a disk.
#[must_use]
pub fn matches(function: &Function) -> bool {
    function.vendor == virtio::VENDOR && virtio::BLOCK.contains(&function.device)
}

/// Sets the disk up.
///
/// # Errors
/// What went wrong, in words.
pub fn open(ecam: &Ecam, function: &Function) -> Result<Disk<Virtio>, String> {
    let inner = virtio::open(ecam, function)?;
    let transport = MsixTransport::new(inner, ecam, function.address, None)
        .ok_or("its registers are not where its capabilities say")?;
    let mut engine = Virtio::new(transport).map_err(|error| error.to_string())?;
    let configuration = engine.configuration().map_err(|error| error.to_string())?;
    let serial = engine.serial().unwrap_or_default();
    let facts = Facts {
        driver: "virtio-blk",
        model: "virtio".into(),
        serial,
        block_size: configuration.block_size,
        blocks: configuration.sectors / (configuration.block_size as u64 / layout::SECTOR).max(1),
        max_transfer: configuration.max_segment.min(MAX_TRANSFER),
        read_only: engine.has(layout::feature::READ_ONLY),
        flush: engine.has(layout::feature::FLUSH),
        discard: engine.has(layout::feature::DISCARD),
    };
    engine.set_block_size(configuration.block_size);
    Disk::new(engine, facts)
}
