//! Any bytes as a disk: opening answers, reading answers, committing answers; nothing panics.
//!
//! The first byte says how many edits follow, each of three bytes offset and one byte value: they
//! change a valid disk whose checksums are then made right again, so that the fields behind the
//! checksums are reached.

use basalt_store::{Batch, Limits, Memory, Namespace, Store};

const PAGES: usize = 64;
const PAGE: usize = 4096;
const LIMITS: Limits = Limits {
    inline: 64,
    key: 32,
    value: 1 << 20,
};

/// A disk with a snapshot, a journal, small and large values.
fn valid() -> Memory {
    let mut store = Store::format(Memory::new(PAGE, PAGES * PAGE), LIMITS, [0; 16]).unwrap();
    for number in 0..6u8 {
        let mut batch = Batch::new();
        batch.put(Namespace(1), [number], vec![number; 40]);
        batch.put(Namespace(2), [number], vec![number; 5000]);
        store.commit(&batch).unwrap();
        if number == 3 {
            store.checkpoint().unwrap();
        }
    }
    store.into_device()
}

/// Makes the checksums of superblocks, snapshot chunks and journal records right again.
fn mend(disk: &mut [u8]) {
    for page in disk.chunks_mut(PAGE) {
        let length = |page: &[u8], at: usize| {
            u32::from_le_bytes(page[at..at + 4].try_into().unwrap()) as usize
        };
        match &page[..4] {
            b"basa" => {
                let sum = crc(&[&page[..96]]);
                page[96..100].copy_from_slice(&sum.to_le_bytes());
            }
            b"snap" => {
                let end = (40 + length(page, 20)).min(PAGE);
                let sum = crc(&[&page[8..end]]);
                page[4..8].copy_from_slice(&sum.to_le_bytes());
            }
            b"btch" => {
                let end = (24 + length(page, 20)).min(PAGE);
                let sum = crc(&[&[0; 16], &page[8..end]]);
                page[4..8].copy_from_slice(&sum.to_le_bytes());
            }
            _ => {}
        }
    }
}

/// CRC-32 (IEEE), bit by bit: the harness has no dependencies.
fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = !0u32;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

pub(crate) fn check(data: &[u8]) {
    let disk = valid();
    let Some((mended, edits)) = data.split_first() else {
        return;
    };
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
    let Ok((mut store, _)) = Store::open(disk, LIMITS) else {
        return;
    };
    let keys: Vec<Vec<u8>> = store
        .keys(Namespace(2), b"")
        .map(|(key, _)| key.to_vec())
        .collect();
    for key in keys {
        let _ = store.get(Namespace(2), &key);
    }
    let _ = store.check();
    let mut batch = Batch::new();
    batch.put(Namespace(2), *b"new", vec![1; 9000]);
    if store.commit(&batch).is_ok() {
        assert_eq!(store.get(Namespace(2), b"new").unwrap().unwrap(), [1; 9000]);
        let _ = store.checkpoint();
        let (mut again, _) = Store::open(store.into_device(), LIMITS).expect("opens again");
        assert_eq!(again.get(Namespace(2), b"new").unwrap().unwrap(), [1; 9000]);
    }
}
