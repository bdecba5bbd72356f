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
    let mut changes = Batch::new();
    changes
        .put(Namespace::Proofs, b"b", vec![2])
        .put(Namespace::Proofs, b"a", vec![1])
        .put(Namespace::Services, b"a", vec![9]);
    state.commit(changes).unwrap();
    drop(state);

    let (mut state, opened) = State::open(disk, [2; 16]).unwrap();
    assert_eq!(opened.replayed, 2);
    assert_eq!(state.identity([7; 32]), Ok([5; 32]));
    let records = vec![(b"a".to_vec(), vec![1]), (b"b".to_vec(), vec![2])];
    assert_eq!(state.records(Namespace::Proofs, b""), Ok(records));
    state.delete(Namespace::Proofs, b"a").unwrap();
    assert_eq!(state.keys(Namespace::Proofs, b""), [b"b".to_vec()]);
    assert_eq!(state.get(Namespace::Proofs, b"a"), Ok(None));
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

/// The record that commit number `number` sets, and its value, which every third time is one of
/// those with pages of their own.
fn record(number: u8) -> ([u8; 1], Vec<u8>) {
    let len = if number.is_multiple_of(3) { 5000 } else { 50 };
    ([number % 7], vec![number; len])
}

fn assert_whole(state: &mut State, last: u8) {
    for number in (last.saturating_sub(6)..=last).filter(|&number| number > 0) {
        let (key, value) = record(number);
        assert_eq!(
            state.get(Namespace::Proofs, &key),
            Ok(Some(value)),
            "{number}"
        );
    }
}

#[test]
fn a_disk_that_fails_for_a_while_neither_loses_nor_doubles() {
    for (answers, times) in (0..60).flat_map(|answers| [(answers, 1), (answers, 2)]) {
        let disk = disk();
        let (mut state, _) = State::open(disk.clone(), [1; 16]).unwrap();
        disk.fail(answers, times);
        for number in 1..50 {
            let (key, value) = record(number);
            state.put(Namespace::Proofs, &key, value).unwrap();
            // When the disk fails here, the next commit opens the store again.
            let _ = state.maintain();
            assert_whole(&mut state, number);
        }
        assert_eq!(state.reopened(), 1, "{answers} {times}");
        assert_eq!(state.status().batches, 49);
        // All of it was durable when it was told.
        disk.cut(|_| false);
        drop(state);
        let (mut state, _) = State::open(disk, [1; 16]).unwrap();
        assert_whole(&mut state, 49);
    }
}

#[test]
fn a_disk_that_stays_away_is_not_asked_for_ever() {
    let disk = disk();
    let (mut state, _) = State::open(disk.clone(), [1; 16]).unwrap();
    state.put(Namespace::Proofs, b"a", [1]).unwrap();
    disk.fail(0, u32::MAX);
    let mut last = || {
        state
            .put(Namespace::Proofs, b"a", [2])
            .unwrap_err()
            .to_string()
    };
    let told: Vec<String> = (0..9).map(|_| last()).collect();
    assert!(told[7].contains("does not answer"), "{}", told[7]);
    assert!(told[8].contains("too often"), "{}", told[8]);
    assert_eq!(state.get(Namespace::Proofs, b"a"), Ok(Some(vec![1])));
    assert_eq!(state.maintain(), Ok(false));
    disk.fail(0, 0);
    assert!(state.put(Namespace::Proofs, b"a", [2]).is_err());
    disk.cut(|_| true);
    let (mut state, _) = State::open(disk, [1; 16]).unwrap();
    assert_eq!(state.get(Namespace::Proofs, b"a"), Ok(Some(vec![1])));
}

#[test]
fn what_was_told_to_have_failed_does_not_come_back_unseen() {
    let disk = disk();
    let (mut state, _) = State::open(disk.clone(), [1; 16]).unwrap();
    // The record is written; its flush fails, and so do those of the next openings.
    disk.fail(1, 3);
    assert!(state.put(Namespace::Proofs, b"a", [1]).is_err());
    assert_eq!(state.get(Namespace::Proofs, b"a"), Ok(None));
    // Now it would be there.
    let error = state.put(Namespace::Proofs, b"b", [2]).unwrap_err();
    assert!(error.to_string().contains("another state"), "{error}");
    assert_eq!(state.get(Namespace::Proofs, b"a"), Ok(None));
    assert!(state.put(Namespace::Proofs, b"b", [2]).is_err());
}
