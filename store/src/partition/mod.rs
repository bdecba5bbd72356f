//! Partitions: who owns which blocks of a disk.
//!
//! [`table`] reads, makes and extends GUID partition tables (UEFI specification 2.10, section 5.3),
//! [`guid`] are the names in them, [`region`] is a part of a disk as a block device of its own, and
//! [`probe`] says whether a disk or a part of it holds anything.
//!
//! Everything read is hostile: only what is exactly a table counts as one.

pub mod guid;
pub mod probe;
pub mod region;
pub mod table;

pub use guid::Guid;
pub use region::Region;
pub use table::{Partition, Table};

/// Partition type of the node's state.
pub const STATE: Guid = Guid::literal("c1f8ed21-0b6a-4c4e-9c5e-6f1c3a3d20b7");
/// Partition type of the two slots for appliance images.
pub const SLOT: Guid = Guid::literal("5fdb40ae-7f86-4d7c-a2ab-0d1b6c92b0f5");
/// Partition type of an EFI system partition.
pub const EFI_SYSTEM: Guid = Guid::literal("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
