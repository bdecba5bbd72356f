//! State over a disk in memory.

use super::*;
use alloc::sync::Arc;
use alloc::vec;
use std::sync::Mutex;

#[derive(Clone)]
struct Disk(Arc<Mutex<Vec<u8>>>);

impl Disk {
    fn new(bytes: usize) -> Disk {
        Disk(Arc::new(Mutex::new(vec![0; bytes])))
    }
}

impl BlockDevice for Disk {
    type Error = core::convert::Infallible;

    fn block_size(&self) -> usize {
        512
    }
    fn block_count(&self) -> u64 {
        (self.0.lock().unwrap().len() / 512) as u64
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        let start = block as usize * 512;
        buf.copy_from_slice(&self.0.lock().unwrap()[start..start + buf.len()]);
        Ok(())
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Self::Error> {
        let start = block as usize * 512;
        self.0.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
    fn discard(&mut self, _: u64, _: u64) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn a_blank_disk_is_formatted_and_opened_again() {
    let disk = Disk::new(1 << 20);
    let (mut state, _) = State::open(disk.clone(), [1; 16]).unwrap();
    assert_eq!(state.identity([5; 32]), Ok([5; 32]));
    assert_eq!(state.identity([6; 32]), Ok([5; 32]));
    let mut changes = Changes::new();
    changes
        .put(Room::Proofs, b"b", vec![2])
        .put(Room::Proofs, b"a", vec![1])
        .put(Room::Services, b"a", vec![9]);
    state.commit(changes).unwrap();
    drop(state);

    let (mut state, opened) = State::open(disk, [2; 16]).unwrap();
    assert_eq!(opened.replayed, 2);
    assert_eq!(state.identity([7; 32]), Ok([5; 32]));
    let records = vec![(b"a".to_vec(), vec![1]), (b"b".to_vec(), vec![2])];
    assert_eq!(state.records(Room::Proofs, b""), Ok(records));
    state.delete(Room::Proofs, b"a").unwrap();
    assert_eq!(state.keys(Room::Proofs, b""), [b"b".to_vec()]);
    assert_eq!(state.get(Room::Proofs, b"a"), Ok(None));
}

#[test]
fn a_disk_with_something_else_is_left_alone() {
    let disk = Disk::new(1 << 20);
    disk.0.lock().unwrap()[1000] = 1;
    let error = State::open(disk.clone(), [1; 16]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the disk holds no store: format it first"
    );
    assert_eq!(
        disk.0
            .lock()
            .unwrap()
            .iter()
            .filter(|&&byte| byte != 0)
            .count(),
        1
    );
}
