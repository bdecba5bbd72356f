//! The driver against the model of a controller.

use std::string::ToString;
use std::vec;
use std::vec::Vec;

use basalt_node::state::{Namespace, State};
use basalt_store::BlockDevice;

use super::controller::Nvme;
use super::model::{Fault, Model};
use crate::drivers::disk::{self, Disk, Failure, Operation};
use crate::drivers::dma;

/// Blocks of the model's disk.
const BLOCKS: usize = 4096;

fn open(model: &Model) -> Result<Disk<Nvme<Model>>, std::string::String> {
    dma::provide(1 << 20);
    let (engine, facts) = Nvme::new(model.clone()).map_err(|error| error.to_string())?;
    Disk::new(engine, facts)
}

fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index * 7 + index / 512 + seed) as u8)
        .collect()
}

#[test]
fn a_controller_is_brought_up_and_looked_at() {
    let disk = open(&Model::new(BLOCKS)).unwrap();
    let facts = disk.facts();
    assert_eq!(
        (facts.model.as_str(), facts.serial.as_str()),
        ("model", "SN-1")
    );
    assert_eq!((facts.blocks, facts.block_size), (BLOCKS as u64, 512));
    assert_eq!(facts.max_transfer, 32 * 4096);
    assert!(facts.flush && facts.discard && !facts.read_only);
}

#[test]
fn blocks_come_back_as_they_were_written() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    // Below a page, one page, two, a list, several requests.
    for (round, len) in [512, 4096, 4608, 8192, 12288, 131_072, 600 * 512]
        .into_iter()
        .enumerate()
    {
        let data = pattern(len, round);
        disk.write(100 + round as u64, &data).unwrap();
        let at = (100 + round) * 512;
        assert_eq!(model.state().disk[at..at + len], data);
        let mut back = vec![0; len];
        disk.read(100 + round as u64, &mut back).unwrap();
        assert!(back == data, "{len} bytes");
    }
}

#[test]
fn the_rings_go_round() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    for block in 0..200 {
        disk.write(block, &pattern(512, block as usize)).unwrap();
    }
    for block in 0..200 {
        let mut back = [0; 512];
        disk.read(block, &mut back).unwrap();
        assert_eq!(back.as_slice(), pattern(512, block as usize));
    }
    disk.flush().unwrap();
    disk.discard(7, 9).unwrap();
    assert_eq!(model.state().flushes, 1);
    assert_eq!(model.state().discarded, [(7, 9)]);
}

#[test]
fn a_refused_command_is_an_error_and_nothing_more() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    model.state().fault = Fault::Status(0x281);
    assert_eq!(
        disk.read(1, &mut [0; 512]),
        Err(disk::Fault::Failed(
            Operation::Read,
            1,
            Failure::Refused(0x281)
        ))
    );
    assert_eq!(disk.read(1, &mut [0; 512]), Ok(()));
    assert_eq!(model.state().resets, 1, "only that of the start");
}

#[test]
fn a_silent_or_broken_controller_is_reset() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    for (round, fault) in [Fault::Silence, Fault::Fatal].into_iter().enumerate() {
        model.state().fault = fault;
        disk.read(1, &mut [0; 512]).unwrap();
        assert_eq!(model.state().resets, round + 2);
        disk.write(2, &pattern(4096, round)).unwrap();
        disk.flush().unwrap();
        model.state().fault = fault;
        assert!(disk.write(2, &pattern(4096, 9)).is_err(), "{fault:?}");
        assert_eq!(disk.flush(), Err(disk::Fault::Lost));
        model.state().resets = round + 2;
        disk.write(2, &pattern(4096, 9)).unwrap();
        disk.flush().unwrap();
    }
    let counts = disk.counters().now();
    assert_eq!((counts.timeouts, counts.resets), (4, 4));
}

#[test]
fn the_state_outlives_a_controller_that_is_reset() {
    let model = Model::new(BLOCKS);
    let (mut state, _) = State::open(open(&model).unwrap(), [1; 16]).unwrap();
    for (round, fault) in [Fault::Silence, Fault::Fatal].into_iter().enumerate() {
        // Small values and large ones, which are flushed before they are committed.
        for (key, len) in [(b"a", 50), (b"b", 5000)] {
            model.state().fault = fault;
            state
                .put(Namespace::DiskTest, key, pattern(len, round))
                .unwrap();
        }
    }
    assert_eq!((state.reopened(), state.status().batches), (4, 4));
    drop(state);
    let (mut state, _) = State::open(open(&model).unwrap(), [1; 16]).unwrap();
    for (key, len) in [(b"a", 50), (b"b", 5000)] {
        let kept = state.get(Namespace::DiskTest, key).unwrap();
        assert_eq!(kept, Some(pattern(len, 1)));
    }
}

#[test]
fn a_removed_controller_is_noticed() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    model.state().fault = Fault::Removal;
    assert_eq!(disk.read(1, &mut [0; 512]), Err(disk::Fault::Dead));
    assert_eq!(disk.flush(), Err(disk::Fault::Dead));
    let said = open(&model).err().unwrap();
    assert!(said.contains("pages") || said.contains("removed"), "{said}");
}

#[test]
fn a_controller_that_stays_away_is_given_up() {
    let model = Model::new(BLOCKS);
    model.state().fault = Fault::NeverReady;
    let said = open(&model).err().unwrap();
    assert!(said.contains("does not start"), "{said}");

    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    model.state().fault = Fault::FatalForGood;
    assert_eq!(disk.write(1, &[1; 512]), Err(disk::Fault::Dead));
    assert_eq!(disk.read(1, &mut [0; 512]), Err(disk::Fault::Dead));
}

#[test]
fn what_cannot_be_driven_is_refused_with_a_reason() {
    let refused = |change: fn(&mut super::model::State)| {
        let model = Model::new(BLOCKS);
        change(&mut model.state());
        open(&model).err().unwrap_or_default()
    };
    let said = refused(|state| state.namespaces = vec![1, 4]);
    assert!(said.contains("2 active namespaces"), "{said}");
    let said = refused(|state| state.namespaces = vec![]);
    assert!(said.contains("no active namespace"), "{said}");
    let said = refused(|state| state.namespace[128] = 8);
    assert!(said.contains("8 bytes of metadata"), "{said}");
    let said = refused(|state| state.namespace[130] = 10);
    assert!(said.contains("2^10 bytes"), "{said}");
    let said = refused(|state| state.namespace[..8].fill(0));
    assert!(said.contains("no blocks"), "{said}");
    let said = refused(|state| {
        state.lists = false;
        state.controller[516] = 2;
    });
    assert!(said.contains("list its namespaces"), "{said}");
    // One of the first version, with one namespace.
    assert_eq!(refused(|state| state.lists = false), "");
}
