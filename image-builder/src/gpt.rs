//! Writes the partition tables of a disk image. Reading and making them is `basalt_store`'s, so
//! that the appliance finds what the builder wrote.

pub use basalt_store::partition::{EFI_SYSTEM, Guid, Partition, SLOT, STATE, Table};

/// Size of a block in bytes.
pub const BLOCK: u64 = 512;

/// Writes `table` to `disk`, the disk that it was made for.
///
/// # Panics
/// When the disk is smaller than that.
pub fn write(disk: &mut [u8], table: &Table) {
    let mut put = |block: u64, bytes: &[u8]| {
        let start = (block * BLOCK) as usize;
        disk[start..start + bytes.len()].copy_from_slice(bytes);
    };
    put(0, &table.protective_mbr());
    for (block, bytes) in table.parts() {
        put(block, &bytes);
    }
}
