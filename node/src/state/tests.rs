//! State over a disk in memory.

use super::*;
use alloc::vec;

use basalt_store::Memory;

fn disk() -> Memory {
    Memory::new(512, 1 << 20)
}

#[test]
fn a_blank_disk_is_formatted_and_opened_again() {
    let disk = disk();
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
    let disk = disk();
    disk.edit(|bytes| bytes[1000] = 1);
    let error = State::open(disk.clone(), [1; 16]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the disk holds no store: format it first"
    );
    let changed = disk.edit(|bytes| bytes.iter().filter(|&&byte| byte != 0).count());
    assert_eq!(changed, 1);
}
