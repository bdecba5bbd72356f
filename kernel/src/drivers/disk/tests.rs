//! The safe face over an engine that fails as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

use super::*;
use crate::drivers::dma;

/// Requests seen, and what comes of the next ones.
#[derive(Default)]
struct Script {
    seen: Vec<(Operation, u64, u32)>,
    outcomes: VecDeque<Failure>,
    resets: u32,
    stays_away: bool,
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

impl Engine for Scripted {
    fn execute(&mut self, request: &Request) -> Result<(), Failure> {
        let mut script = self.0.lock().unwrap();
        script
            .seen
            .push((request.operation, request.block, request.count));
        script.outcomes.pop_front().map_or(Ok(()), Err)
    }

    fn reset(&mut self) -> Result<(), Failure> {
        let mut script = self.0.lock().unwrap();
        script.resets += 1;
        match script.stays_away {
            true => Err(Failure::Gone),
            false => Ok(()),
        }
    }
}

fn facts() -> Facts {
    Facts {
        driver: "test",
        model: "model".into(),
        serial: "serial".into(),
        block_size: 512,
        blocks: 1000,
        max_transfer: 4096 + 100,
        read_only: false,
        flush: true,
        discard: true,
    }
}

fn disk(facts: Facts) -> (Disk<Scripted>, Scripted) {
    dma::provide(64 << 10);
    let engine = Scripted::default();
    (Disk::new(engine.clone(), facts).unwrap(), engine)
}

#[test]
fn accesses_are_cut_and_checked() {
    let (mut disk, engine) = disk(facts());
    disk.write(10, &vec![7; 20 * 512]).unwrap();
    disk.read(990, &mut vec![0; 10 * 512]).unwrap();
    disk.discard(0, 1000).unwrap();
    disk.flush().unwrap();
    let seen = core::mem::take(&mut engine.0.lock().unwrap().seen);
    assert_eq!(
        seen,
        [
            (Operation::Write, 10, 8),
            (Operation::Write, 18, 8),
            (Operation::Write, 26, 4),
            (Operation::Read, 990, 8),
            (Operation::Read, 998, 2),
            (Operation::Discard, 0, 1000),
            (Operation::Flush, 0, 0),
        ]
    );
    for (block, len) in [(1000, 512), (999, 1024), (u64::MAX, 512), (0, 511)] {
        let outside = Err(Fault::Outside(block, len));
        assert_eq!(disk.read(block, &mut vec![0; len as usize]), outside);
        assert_eq!(disk.write(block, &vec![0; len as usize]), outside);
    }
    assert_eq!(disk.discard(1, 1000), Err(Fault::Outside(1, 1000)));
    assert!(engine.0.lock().unwrap().seen.is_empty());
    let counts = disk.counters().now();
    assert_eq!((counts.reads, counts.writes, counts.flushes), (2, 3, 1));
    assert_eq!((counts.bytes_read, counts.bytes_written), (5120, 10240));
}

#[test]
fn a_disk_is_only_told_what_it_understands() {
    let (mut plain, engine) = disk(Facts {
        flush: false,
        discard: false,
        ..facts()
    });
    plain.discard(0, 10).unwrap();
    plain.flush().unwrap();
    assert!(engine.0.lock().unwrap().seen.is_empty());
    let (mut read_only, engine) = disk(Facts {
        read_only: true,
        ..facts()
    });
    assert_eq!(read_only.write(0, &[0; 512]), Err(Fault::ReadOnly));
    read_only.discard(0, 10).unwrap();
    assert!(engine.0.lock().unwrap().seen.is_empty());
    for (block_size, max_transfer) in [(520, 4096), (8192, 8192), (4096, 2048)] {
        let odd = Facts {
            block_size,
            max_transfer,
            ..facts()
        };
        assert!(Disk::new(Scripted::default(), odd).is_err(), "{block_size}");
    }
}

#[test]
fn refusals_are_told_and_nothing_is_reset() {
    let (mut disk, engine) = disk(facts());
    engine.0.lock().unwrap().outcomes = [Failure::Refused(0x281)].into();
    assert_eq!(
        disk.read(5, &mut [0; 512]),
        Err(Fault::Failed(Operation::Read, 5, Failure::Refused(0x281)))
    );
    assert_eq!(disk.read(5, &mut [0; 512]), Ok(()));
    assert_eq!(engine.0.lock().unwrap().resets, 0);
    assert_eq!(disk.counters().now().failures, 1);
}

#[test]
fn silence_is_answered_with_a_reset_and_reads_are_tried_again() {
    let (mut disk, engine) = disk(facts());
    engine.0.lock().unwrap().outcomes = [Failure::Silent].into();
    assert_eq!(disk.read(5, &mut [0; 512]), Ok(()));
    assert_eq!(disk.flush(), Ok(()), "nothing was written");
    let counts = disk.counters().now();
    assert_eq!((counts.timeouts, counts.resets, counts.failures), (1, 1, 0));
}

#[test]
fn writes_before_a_reset_are_never_acknowledged() {
    let (mut disk, engine) = disk(facts());
    disk.write(0, &[1; 512]).unwrap();
    engine.0.lock().unwrap().outcomes = [Failure::Silent].into();
    assert_eq!(disk.read(5, &mut [0; 512]), Ok(()));
    assert_eq!(disk.flush(), Err(Fault::Lost));
    disk.write(0, &[1; 512]).unwrap();
    assert_eq!(disk.flush(), Ok(()));

    engine.0.lock().unwrap().outcomes = [Failure::Broken(7)].into();
    let failed = Fault::Failed(Operation::Write, 3, Failure::Broken(7));
    assert_eq!(disk.write(3, &[1; 512]), Err(failed));
    assert_eq!(disk.flush(), Err(Fault::Lost));
    assert_eq!(disk.flush(), Ok(()));
}

#[test]
fn a_disk_that_refuses_to_flush_is_dead() {
    let (mut disk, engine) = disk(facts());
    disk.write(0, &[1; 512]).unwrap();
    let refused = Failure::Refused(0x281);
    engine.0.lock().unwrap().outcomes = [refused].into();
    let failed = Fault::Failed(Operation::Flush, 0, refused);
    assert_eq!(disk.flush(), Err(failed));
    assert_eq!(disk.flush(), Err(Fault::Dead));
    assert_eq!(disk.read(0, &mut [0; 512]), Err(Fault::Dead));
}

#[test]
fn a_disk_that_does_not_come_back_is_dead() {
    let (mut disk, engine) = disk(facts());
    engine.0.lock().unwrap().outcomes = [Failure::Silent].into();
    engine.0.lock().unwrap().stays_away = true;
    assert_eq!(disk.flush(), Err(Fault::Dead));
    let asked = engine.0.lock().unwrap().seen.len();
    assert_eq!(disk.read(0, &mut [0; 512]), Err(Fault::Dead));
    assert_eq!(engine.0.lock().unwrap().seen.len(), asked);
}
