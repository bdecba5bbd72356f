//! Power cuts at every point of a history: whatever was acknowledged is there, and no half batch.

mod sim;

use basalt_store::{Batch, Error, Limits, Namespace, Refusal, Store};
use sim::{AfterCut, Random, Recorder, all_cuts};
use std::collections::BTreeMap;

type Model = BTreeMap<(u16, Vec<u8>), Vec<u8>>;

const LIMITS: Limits = Limits {
    inline: 64,
    key: 32,
    value: 1 << 20,
};

/// A random batch over few keys, so that they are replaced and removed often; the state behind it.
fn random_batch(random: &mut Random, model: &Model, largest: u64) -> (Batch, Model) {
    let (mut batch, mut after) = (Batch::new(), model.clone());
    for _ in 0..1 + random.below(4) {
        let namespace = random.below(2) as u16;
        let key = format!("key-{}", random.below(12)).into_bytes();
        if random.below(4) == 0 {
            batch.delete(Namespace(namespace), key.clone());
            after.remove(&(namespace, key));
        } else {
            let length = match random.below(5) {
                0 => 65 + random.below(largest),
                1 => 0,
                _ => random.below(65),
            };
            let mut value = vec![random.next() as u8; length as usize];
            value
                .iter_mut()
                .enumerate()
                .for_each(|(i, byte)| *byte ^= (i / 7) as u8);
            batch.put(Namespace(namespace), key.clone(), value.clone());
            after.insert((namespace, key), value);
        }
    }
    (batch, after)
}

fn contents<D: basalt_store::BlockDevice>(store: &mut Store<D>) -> Model {
    let mut model = Model::new();
    for namespace in 0..2 {
        let keys: Vec<Vec<u8>> = store
            .keys(Namespace(namespace), b"")
            .map(|(key, _)| key.to_vec())
            .collect();
        for key in keys {
            let value = store.get(Namespace(namespace), &key).unwrap().unwrap();
            model.insert((namespace, key), value);
        }
    }
    model
}

struct History {
    models: Vec<Model>,
    ops: Vec<sim::Op>,
    image: Vec<u8>,
}

fn record(seed: u64, pages: usize, block_size: usize, batches: usize, largest: u64) -> History {
    let mut random = Random(seed | 1);
    let disk = Recorder::new(pages, block_size);
    let mut store = Store::format(
        disk.clone(),
        LIMITS,
        seed.to_le_bytes().repeat(2).try_into().unwrap(),
    )
    .unwrap();
    disk.take_ops();
    let image = disk.image();
    let mut models = vec![Model::new()];
    while models.len() <= batches {
        let (batch, after) = random_batch(&mut random, models.last().unwrap(), largest);
        match store.commit(&batch) {
            Ok(()) => {
                models.push(after);
                disk.acknowledge(models.len() - 1);
            }
            Err(Error::Refused(Refusal::Full { .. } | Refusal::BatchTooLarge(..))) => {}
            Err(other) => panic!("{other}"),
        }
        match random.below(8) {
            0 => store.checkpoint().unwrap(),
            1..4 => drop(store.maintain().unwrap()),
            4 => {
                // An ordinary restart.
                drop(store);
                store = Store::open(disk.clone(), LIMITS).unwrap().0;
            }
            _ => {}
        }
    }
    assert_eq!(&contents(&mut store), models.last().unwrap());
    History {
        models,
        ops: disk.take_ops(),
        image,
    }
}

/// The state after a cut must be the acknowledged one, or that of the one batch under way; and the
/// store must work on.
fn verify(history: &History, medium: AfterCut<'_>, acknowledged: usize, go_on: bool) {
    let (mut store, _) = Store::open(medium, LIMITS).expect("the store opens after a cut");
    let found = contents(&mut store);
    let sound = found == history.models[acknowledged]
        || history
            .models
            .get(acknowledged + 1)
            .is_some_and(|next| found == *next);
    assert!(sound, "after batch {acknowledged}: {found:?}");
    if go_on {
        let mut batch = Batch::new();
        batch.put(Namespace(0), *b"after", *b"cut");
        match store.commit(&batch) {
            Ok(()) => {
                let (mut again, _) = Store::open(store.into_device(), LIMITS).unwrap();
                assert_eq!(again.get(Namespace(0), b"after").unwrap().unwrap(), b"cut");
            }
            Err(error) => assert!(matches!(error, Error::Refused(_)), "{error}"),
        }
    }
}

fn cut_everywhere(seeds: std::ops::Range<u64>, block_size: usize, batches: usize) -> u64 {
    let mut cuts = 0;
    for seed in seeds {
        let history = record(seed * 0x9e37_79b9 + 7, 56, block_size, batches, 9000);
        let mut number = 0u64;
        let image = history.image.clone();
        cuts += all_cuts(
            image,
            &history.ops,
            block_size,
            9,
            60,
            seed,
            |medium, acknowledged| {
                number += 1;
                verify(&history, medium, acknowledged, number.is_multiple_of(16));
            },
        );
    }
    cuts
}

#[test]
fn every_cut_of_short_histories_with_blocks_of_512_bytes() {
    let cuts = cut_everywhere(0..20, 512, 80);
    assert!(cuts >= 500_000, "{cuts} cuts");
}

#[test]
fn every_cut_of_short_histories_with_blocks_of_4096_bytes() {
    let cuts = cut_everywhere(100..120, 4096, 80);
    assert!(cuts >= 500_000, "{cuts} cuts");
}

#[test]
fn long_histories_with_large_values_survive_sampled_cuts() {
    let mut cuts = 0;
    for seed in 0..2 {
        let history = record(seed + 40, 2000, 512, 60, 300_000);
        let mut random = Random(seed + 1);
        cuts += all_cuts(
            history.image.clone(),
            &history.ops,
            512,
            4,
            2,
            seed,
            |medium, acknowledged| {
                if random.below(60) == 0 {
                    verify(&history, medium, acknowledged, true);
                }
            },
        );
    }
    assert!(cuts > 10_000, "{cuts} cuts");
}
