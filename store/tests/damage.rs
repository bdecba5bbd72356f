//! Bit rot, full disks and failing disks: named, contained, nothing lost that is not on the
//! damaged place.

#[allow(
    dead_code,
    reason = "shared with the crash tests, which use more of it"
)]
mod sim;

use basalt_store::memory::Fault;
use basalt_store::{Batch, Error, Limits, Memory, Namespace, Refusal, Store};
use sim::{AfterCut, Random, Recorder};
use std::collections::HashMap;

const SPACE: Namespace = Namespace(3);
const LIMITS: Limits = Limits {
    inline: 64,
    key: 32,
    value: 1 << 22,
};

fn put(key: &str, value: Vec<u8>) -> Batch {
    let mut batch = Batch::new();
    batch.put(SPACE, key.as_bytes(), value);
    batch
}

/// A store with small and large values, snapshot and journal; its disk.
fn filled() -> Vec<u8> {
    let disk = Recorder::new(400, 4096);
    let mut store = Store::format(disk.clone(), LIMITS, [9; 16]).unwrap();
    for number in 0..40u8 {
        store
            .commit(&put(&format!("small-{number}"), vec![number; 50]))
            .unwrap();
        if number.is_multiple_of(8) {
            store
                .commit(&put(&format!("large-{number}"), vec![number; 70_000]))
                .unwrap();
        }
        if number == 30 {
            store.checkpoint().unwrap();
        }
    }
    disk.image()
}

#[test]
fn a_flipped_bit_never_gives_a_wrong_value() {
    let image = filled();
    let mut random = Random(11);
    let (mut value_damage, mut open_damage) = (0, 0);
    for _ in 0..4000 {
        let mut medium = AfterCut {
            durable: &image,
            overlay: HashMap::new(),
            block_size: 4096,
        };
        let sector = match random.below(4) {
            // The beginnings of the journal's pages, where its records are.
            0 => (4 + random.below(8)) * 8,
            _ => random.below(image.len() as u64 / 512),
        };
        let mut bytes: Box<[u8; 512]> =
            Box::new(image[sector as usize * 512..][..512].try_into().unwrap());
        bytes[random.below(512) as usize] ^= 1 << random.below(8);
        medium.overlay.insert(sector, bytes);
        let mut store = match Store::open(medium, LIMITS) {
            Ok((store, _)) => store,
            Err(Error::JournalDamaged(_)) => {
                open_damage += 1;
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        for number in 0..40u8 {
            let small = store
                .get(SPACE, format!("small-{number}").as_bytes())
                .unwrap();
            // Only the very last record cannot be told from one that was never acknowledged.
            assert!(small == Some(vec![number; 50]) || number == 39, "{number}");
            if number.is_multiple_of(8) {
                let key = format!("large-{number}");
                match store.get(SPACE, key.as_bytes()) {
                    Ok(value) => assert_eq!(value, Some(vec![number; 70_000])),
                    Err(Error::ValueDamaged {
                        key: named, offset, ..
                    }) => {
                        assert_eq!(named, key.as_bytes());
                        let found = store.check().unwrap();
                        assert_eq!((found.len(), found[0].offset), (1, offset));
                        value_damage += 1;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
    assert!(
        value_damage > 100 && open_damage > 5,
        "{value_damage} {open_damage}"
    );
}

#[test]
fn a_full_disk_refuses_and_stays_usable() {
    let disk = Recorder::new(200, 512);
    let mut store = Store::format(disk.clone(), LIMITS, [9; 16]).unwrap();
    let mut written = 0u32;
    let refusal = loop {
        match store.commit(&put(&format!("v{written}"), vec![7; 20_000])) {
            Ok(()) => written += 1,
            Err(Error::Refused(refusal)) => break refusal,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(
        matches!(refusal, Refusal::Full { needed: 5, .. }),
        "{refusal}"
    );
    assert!(written > 20);
    // All is readable, small removals still pass, and what they free can be used at once.
    for number in 0..written {
        assert_eq!(
            store
                .get(SPACE, format!("v{number}").as_bytes())
                .unwrap()
                .unwrap()
                .len(),
            20_000
        );
    }
    for round in 0..200u32 {
        let key = format!("v{}", round % written);
        let mut remove = Batch::new();
        remove.delete(SPACE, key.as_bytes());
        store.commit(&remove).unwrap();
        store.commit(&put(&key, vec![round as u8; 20_000])).unwrap();
    }
    let (mut store, _) = Store::open(disk, LIMITS).unwrap();
    assert_eq!(store.keys(SPACE, b"v").count() as u32, written);
    assert!(store.get(SPACE, b"v1").unwrap().is_some());
}

#[test]
fn limits_refuse_before_anything_is_written() {
    let disk = Recorder::new(400, 512);
    let mut store = Store::format(disk.clone(), LIMITS, [9; 16]).unwrap();
    disk.take_ops();
    let refused = |result| matches!(result, Err(Error::Refused(_)));
    assert!(refused(store.commit(&put(&"k".repeat(33), vec![1]))));
    assert!(refused(store.commit(&put("k", vec![1; (1 << 22) + 1]))));
    let mut many = Batch::new();
    for number in 0..400u32 {
        many.put(SPACE, number.to_be_bytes(), [1; 60]);
    }
    assert!(matches!(
        store.commit(&many),
        Err(Error::Refused(Refusal::BatchTooLarge(..)))
    ));
    assert!(disk.take_ops().is_empty());
}

#[test]
fn after_a_failed_write_the_store_waits_to_be_opened_again() {
    for (answers, kept) in (20..60).flat_map(|answers| [(answers, true), (answers, false)]) {
        let disk = Memory::new(512, 100 * 4096);
        let mut store = Store::format(disk.clone(), LIMITS, [9; 16]).unwrap();
        disk.fail(answers, u32::MAX);
        let mut acknowledged = 0u8;
        let error = loop {
            match store.commit(&put(&format!("v{acknowledged}"), vec![acknowledged; 90])) {
                Ok(()) => acknowledged += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Device(Fault::Failing)), "{error}");
        disk.fail(0, 0);
        let refused = store.commit(&put("x", vec![1]));
        assert!(matches!(refused, Err(Error::Poisoned)));
        assert!(matches!(store.maintain(), Err(Error::Poisoned)));
        let first = store.get(SPACE, b"v0").unwrap();
        assert_eq!(first.unwrap(), [0; 90], "reading goes on");
        disk.cut(|sector| kept && sector % 3 != 0);
        let (mut store, _) = Store::open(disk, LIMITS).unwrap();
        for number in 0..acknowledged {
            let value = store.get(SPACE, format!("v{number}").as_bytes()).unwrap();
            assert_eq!(value, Some(vec![number; 90]));
        }
    }
}

#[test]
fn values_are_read_in_pieces_and_keys_in_order() {
    let disk = Recorder::new(3000, 4096);
    let mut store = Store::format(disk, LIMITS, [9; 16]).unwrap();
    let value: Vec<u8> = (0..200_001u32).map(|i| (i / 3) as u8).collect();
    store.commit(&put("b/2", value.clone())).unwrap();
    store
        .commit(put("b/1", vec![1; 3]).put(Namespace(4), *b"b/0", *b"x"))
        .unwrap();
    let keys: Vec<_> = store.keys(SPACE, b"b/").collect();
    assert_eq!(keys, [(&b"b/1"[..], 3), (&b"b/2"[..], 200_001)]);
    let mut read = Vec::new();
    for number in 0.. {
        match store.chunk(SPACE, b"b/2", number).unwrap() {
            Some(chunk) => read.extend(chunk),
            None => break,
        }
    }
    assert_eq!(read, value);
    assert_eq!(store.get(SPACE, b"b/2").unwrap().unwrap(), value);
    assert_eq!(store.get(SPACE, b"b/3").unwrap(), None);
    let (store, opened) = Store::open(store.into_device(), LIMITS).unwrap();
    assert_eq!((opened.loaded, opened.replayed), (0, 2));
    assert_eq!(store.status().batches, 2);
}
