//! Any bytes as a partitioned disk: reading answers, and what it answers can be relied on.
//!
//! The first byte says whether checksums are made right again after the edits (three bytes offset,
//! one byte value) that the rest of the input makes to a valid disk of 512-byte blocks.

use basalt_store::partition::table::Content;
use basalt_store::partition::{Guid, Partition, Table};
use basalt_store::{BlockDevice, Memory};

const BLOCK: usize = 512;
const BLOCKS: usize = 256;

/// A disk with two partitions.
fn valid() -> Memory {
    let mut table = Table::new(Guid([7; 16]), BLOCKS as u64, BLOCK).unwrap();
    for (id, first) in [(1, 40), (2, 80)] {
        let partition = Partition {
            kind: Guid([id + 8; 16]),
            id: Guid([id; 16]),
            name: "part".into(),
            first,
            last: first + 39,
        };
        table.add(&partition).unwrap();
    }
    let mut disk = Memory::new(BLOCK, BLOCKS * BLOCK);
    table.create(&mut disk).unwrap();
    disk
}

/// Makes the checksums of both headers right again, as far as their fields make sense.
fn mend(disk: &mut [u8]) {
    for block in [1, BLOCKS - 1] {
        let at = block * BLOCK;
        let word = |disk: &[u8], offset: usize| {
            u32::from_le_bytes(disk[at + offset..][..4].try_into().unwrap()) as usize
        };
        let array = word(disk, 72) * BLOCK;
        let len = word(disk, 80).saturating_mul(word(disk, 84));
        if let Some(array) = disk.get(array..array.saturating_add(len)) {
            let sum = crc32fast::hash(array);
            disk[at + 88..][..4].copy_from_slice(&sum.to_le_bytes());
        }
        let size = word(disk, 12).clamp(20, BLOCK);
        disk[at + 16..][..4].fill(0);
        let sum = crc32fast::hash(&disk[at..at + size]);
        disk[at + 16..][..4].copy_from_slice(&sum.to_le_bytes());
    }
}

pub(crate) fn check(data: &[u8]) {
    let Some((mended, edits)) = data.split_first() else {
        return;
    };
    let mut disk = valid();
    for edit in edits.chunks_exact(4) {
        let at = u32::from_le_bytes([edit[0], edit[1], edit[2], 0]) as usize;
        disk.edit(|bytes| {
            let at = at % bytes.len();
            bytes[at] = edit[3];
        });
    }
    if mended & 1 == 1 {
        disk.edit(|bytes| mend(bytes));
    }
    // The disk may be larger than the one the table was made for.
    let more = usize::from(mended >> 1) * 64 * BLOCK;
    disk.edit(|bytes| bytes.resize(bytes.len() + more, 0));
    let blocks = disk.block_count();
    let Ok(Content::Table(mut table) | Content::Copy(mut table)) = Table::read(&mut disk) else {
        return;
    };
    let (first, last) = table.usable();
    assert!(0 < first && first <= last && last < blocks - 1);
    let partitions: Vec<Partition> = table.partitions().collect();
    for (index, one) in partitions.iter().enumerate() {
        assert!(first <= one.first && one.first <= one.last && one.last <= last);
        for other in &partitions[..index] {
            assert!(other.last < one.first || one.last < other.first);
        }
    }
    for partition in &partitions {
        let before = table.clone();
        match table.extend(partition.id, blocks) {
            None => assert_eq!(table, before),
            Some(longer) => {
                assert!(longer.first == partition.first && longer.last > partition.last);
                table.update(&mut disk).unwrap();
                assert_eq!(Table::read(&mut disk), Ok(Content::Table(table)));
                break;
            }
        }
    }
}
