//! Writes a GUID partition table: protective MBR, header and entries, and their copies at the end.
//!
//! Source: UEFI specification 2.10, section 5.

use bytemuck::bytes_of;
use gpt_disk_types::{
    BlockSize, GptHeader, GptPartitionEntry, GptPartitionEntryArray, GptPartitionEntryArrayLayout,
    GptPartitionEntrySize, Lba, LbaLe, MasterBootRecord, U32Le,
};
pub use gpt_disk_types::{GptPartitionType, Guid, guid};

/// Size of a block in bytes.
pub const BLOCK: u64 = 512;

const ENTRIES: u32 = 128;
/// Blocks of the entries: 128 of 128 bytes.
const ENTRY_BLOCKS: u64 = 32;

/// A partition.
#[derive(Clone, Copy, Debug)]
pub struct Partition<'a> {
    /// What it is for.
    pub kind: GptPartitionType,
    /// Which one it is.
    pub id: Guid,
    /// Name, at most 36 characters.
    pub name: &'a str,
    /// First block.
    pub first: u64,
    /// Last block.
    pub last: u64,
}

/// The last block of a disk of `blocks` blocks that a partition may use.
#[must_use]
pub fn last_usable(blocks: u64) -> u64 {
    blocks - ENTRY_BLOCKS - 2
}

/// Writes the tables of `partitions` to `disk`.
///
/// # Panics
/// When the disk has no room for the tables or a name is too long: both are constants of the layout.
pub fn write(disk: &mut [u8], id: Guid, partitions: &[Partition<'_>]) {
    let blocks = disk.len() as u64 / BLOCK;
    let mut storage = vec![0; (ENTRY_BLOCKS * BLOCK) as usize];
    let layout = GptPartitionEntryArrayLayout {
        start_lba: Lba(2),
        entry_size: GptPartitionEntrySize::new(128).expect("the size of the specification"),
        num_entries: ENTRIES,
    };
    let mut array = GptPartitionEntryArray::new(layout, BlockSize::BS_512, &mut storage)
        .expect("the storage is of the layout's size");
    for (index, partition) in (0..).zip(partitions) {
        let entry = array.get_partition_entry_mut(index).expect("a few of 128");
        *entry = GptPartitionEntry {
            partition_type_guid: partition.kind,
            unique_partition_guid: partition.id,
            starting_lba: LbaLe::from_u64(partition.first),
            ending_lba: LbaLe::from_u64(partition.last),
            name: partition.name.parse().expect("short names"),
            ..Default::default()
        };
    }
    let mut primary = GptHeader {
        my_lba: LbaLe::from_u64(1),
        alternate_lba: LbaLe::from_u64(blocks - 1),
        first_usable_lba: LbaLe::from_u64(2 + ENTRY_BLOCKS),
        last_usable_lba: LbaLe::from_u64(last_usable(blocks)),
        disk_guid: id,
        partition_entry_lba: LbaLe::from_u64(2),
        number_of_partition_entries: U32Le::from_u32(ENTRIES),
        partition_entry_array_crc32: array.calculate_crc32(),
        ..Default::default()
    };
    primary.update_header_crc32();
    let mut backup = primary;
    backup.my_lba = primary.alternate_lba;
    backup.alternate_lba = primary.my_lba;
    backup.partition_entry_lba = LbaLe::from_u64(blocks - 1 - ENTRY_BLOCKS);
    backup.update_header_crc32();

    let mut put = |block: u64, bytes: &[u8]| {
        let start = (block * BLOCK) as usize;
        disk[start..start + bytes.len()].copy_from_slice(bytes);
    };
    put(0, bytes_of(&MasterBootRecord::protective_mbr(blocks)));
    put(1, bytes_of(&primary));
    put(2, array.storage());
    put(blocks - 1 - ENTRY_BLOCKS, array.storage());
    put(blocks - 1, bytes_of(&backup));
}
