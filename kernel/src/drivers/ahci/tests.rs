//! The driver against the model of a controller.

use std::vec;
use std::vec::Vec;

use basalt_store::BlockDevice;

use super::model::{Fault, Model, PORT};
use super::port::{Error, LINK, Port, wake};
use crate::drivers::disk::{self, Disk, Failure, Operation};
use crate::drivers::dma;
use crate::drivers::window::Window as _;

const BLOCKS: usize = 8192;

fn open(model: &Model) -> Result<Disk<Port<Model>>, Error> {
    dma::provide(4 << 20);
    let mut window = model.clone();
    wake(&mut window, PORT);
    let links_by = window.now() + LINK;
    let (engine, facts) = Port::new(window, PORT, links_by)?;
    Disk::new(engine, facts).map_err(Error::Unusable)
}

fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index * 5 + index / 512 + seed) as u8)
        .collect()
}

#[test]
fn blocks_come_back_as_they_were_written() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    let facts = disk.facts();
    assert_eq!((facts.model.as_str(), facts.serial.as_str()), ("mo", "S1"));
    assert_eq!((facts.blocks, facts.block_size), (BLOCKS as u64, 512));
    for (round, len) in [512, 4096, 1 << 20, 3 << 20].into_iter().enumerate() {
        let data = pattern(len, round);
        disk.write(7 + round as u64, &data).unwrap();
        let mut back = vec![0; len];
        disk.read(7 + round as u64, &mut back).unwrap();
        assert!(back == data, "{len} bytes");
        assert!(model.state().disk[(7 + round) * 512..][..len] == data);
    }
    disk.flush().unwrap();
    disk.discard(1, 8000).unwrap();
    assert_eq!(model.state().flushes, 1);
    assert_eq!(model.state().trimmed, [(1, 8000)]);
}

#[test]
fn an_error_stops_the_port_and_it_goes_on() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    model.state().fault = Fault::Failed;
    assert_eq!(
        disk.read(3, &mut [0; 512]),
        Err(disk::Fault::Failed(
            Operation::Read,
            3,
            Failure::Refused(0x4051)
        ))
    );
    assert_eq!(disk.read(3, &mut [0; 512]), Ok(()));
    assert_eq!(model.state().link_resets, 0);
}

#[test]
fn silence_resets_the_link_and_removal_is_noticed() {
    let model = Model::new(BLOCKS);
    let mut disk = open(&model).unwrap();
    model.state().fault = Fault::Silence;
    assert_eq!(disk.read(3, &mut [0; 512]), Ok(()));
    assert_eq!(model.state().link_resets, 1);
    disk.write(3, &[1; 512]).unwrap();
    model.state().fault = Fault::Silence;
    assert!(disk.flush().is_err());
    assert_eq!(disk.flush(), Err(disk::Fault::Lost));
    model.state().fault = Fault::Removal;
    assert_eq!(disk.flush(), Err(disk::Fault::Dead));
}

#[test]
fn empty_ports_and_other_devices_are_left_alone() {
    let model = Model::new(BLOCKS);
    model.state().link = 0;
    assert_eq!(open(&model).err(), Some(Error::Empty));
    let model = Model::new(BLOCKS);
    model.state().signature = 0xeb14_0101;
    assert_eq!(open(&model).err(), Some(Error::Empty));
    let model = Model::new(BLOCKS);
    model.state().identity[2 * 83 + 1] = 0;
    let said = open(&model).err().unwrap();
    assert!(matches!(said, Error::Unusable(reason) if reason.contains("48 bits")));
}
