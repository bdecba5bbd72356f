//! What the operator can ask of the disks instead of a node, by `[disk] test` in the manifest.
//!
//! * [`load`] commits numbered batches for ever and tells each one that is durable: cut the power,
//!   boot again, and it says whether all that was told is there.
//! * [`speed`] measures what a read costs with each disk's driver.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use basalt_net::PeerId;
use basalt_node::state::{Batch, Namespace, State};
use basalt_store::BlockDevice;

use super::disks::Found;
use crate::drivers::disk::Fault;
use crate::{cpu, log, time};

/// Records that the batches change in turn, one each.
const SLOTS: u64 = 64;
/// Key of the record that every batch changes.
const LAST: &[u8] = b"last";

/// Says how many batches are kept and whether each is whole, then commits further ones for ever.
pub fn load(state: Option<State>, peer_id: &PeerId) -> ! {
    let Some(mut state) = state else {
        give_up("there is no state partition");
    };
    let mut last = match check(&mut state) {
        Ok(last) => last,
        Err(reason) => give_up(&reason),
    };
    log::verdict(format_args!(
        "basalt: disk test: {last} batches, all whole, peer_id={peer_id}"
    ));
    loop {
        last += 1;
        let mut changes = Batch::new();
        changes.put(Namespace::DiskTest, slot(last), value(last));
        changes.put(Namespace::DiskTest, LAST, last.to_le_bytes());
        if let Err(error) = state.commit(changes) {
            give_up(&error.to_string());
        }
        log::verdict(format_args!("basalt: disk test: committed {last}"));
        if let Err(error) = state.maintain() {
            give_up(&error.to_string());
        }
    }
}

fn give_up(reason: &str) -> ! {
    log::verdict(format_args!("basalt: disk test failed: {reason}"));
    cpu::halt();
}

/// Key of the record that the batch changes.
fn slot(batch: u64) -> [u8; 8] {
    (batch % SLOTS).to_be_bytes()
}

/// What the batch puts there: of a length that differs from batch to batch, so that both small and
/// large values are among them.
fn value(batch: u64) -> Vec<u8> {
    let len = batch.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51;
    (0..len).map(|index| (index * 31 + batch) as u8).collect()
}

/// The number of the last batch, if every record is that of the last batch that changed it.
fn check(state: &mut State) -> Result<u64, String> {
    let word = match state
        .get(Namespace::DiskTest, LAST)
        .map_err(|error| error.to_string())?
    {
        None => 0,
        Some(bytes) => match <[u8; 8]>::try_from(bytes) {
            Ok(bytes) => u64::from_le_bytes(bytes),
            Err(_) => return Err("the last batch's number is damaged".into()),
        },
    };
    for batch in word.saturating_sub(SLOTS - 1).max(1)..=word {
        let found = state
            .get(Namespace::DiskTest, &slot(batch))
            .map_err(|error| error.to_string())?;
        if found != Some(value(batch)) {
            return Err(format!("of {word} batches, number {batch} is not whole"));
        }
    }
    Ok(word)
}

/// Reads of each kind that are measured.
const SMALL_READS: usize = 512;
const LARGE_READS: usize = 16;
const SMALL: usize = 4 << 10;
const LARGE: usize = 1 << 20;

/// Measures each disk, and halts.
pub fn speed(disks: Vec<Found>) -> ! {
    for mut disk in disks {
        match measure(&mut disk) {
            Ok((small, large)) => log::verdict(format_args!(
                "basalt: disk test: {} at {}: of {SMALL_READS} reads of 4 KiB at random places the median \
                 took {} ns and the least {} ns, of {LARGE_READS} of 1 MiB in a row {} and {} ns; {}",
                disk.facts.driver,
                disk.place,
                small.median.as_nanos(),
                small.least.as_nanos(),
                large.median.as_nanos(),
                large.least.as_nanos(),
                disk.counters.now(),
            )),
            Err(fault) => log::verdict(format_args!(
                "basalt: disk test failed: {}: {fault}",
                disk.place
            )),
        }
    }
    log::verdict(format_args!("basalt: disk test: done"));
    cpu::halt();
}

/// Times of one kind of reads.
struct Times {
    median: Duration,
    least: Duration,
}

impl Times {
    /// Times of each of `count` reads. The least is the driver's own cost and what cannot be
    /// avoided of the device's; the median has the waiting in it.
    fn of(count: usize, mut read: impl FnMut() -> Result<(), Fault>) -> Result<Self, Fault> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = time::since_entry();
            read()?;
            times.push(time::since_entry() - start);
        }
        times.sort_unstable();
        Ok(Self {
            median: times[count / 2],
            least: times[0],
        })
    }
}

fn measure(disk: &mut Found) -> Result<(Times, Times), Fault> {
    let device = &mut disk.device;
    let blocks_per = |len: usize| (len / device.block_size()) as u64;
    let (small, large) = (blocks_per(SMALL), blocks_per(LARGE));
    let span = device.block_count().min(LARGE_READS as u64 * large);
    let mut buffer = vec![0; LARGE];
    let mut next = 0;
    let mut in_a_row = || {
        let at = next % (span / large).max(1) * large;
        next += 1;
        device.read(at, &mut buffer)
    };
    // Everything once before: what is measured then is the driver, not the medium.
    Times::of(LARGE_READS, &mut in_a_row)?;
    let large_times = Times::of(LARGE_READS, in_a_row)?;
    let mut random = 1_u64;
    let small_times = Times::of(SMALL_READS, || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        device.read(
            (random >> 33) % (span / small).max(1) * small,
            &mut buffer[..SMALL],
        )
    })?;
    Ok((small_times, large_times))
}

#[cfg(test)]
mod tests {
    use super::*;
    use basalt_store::Memory;
    use basalt_store::partition::Region;

    #[test]
    fn a_half_batch_is_noticed() {
        let disk = Region::new(Memory::new(512, 4 << 20), 0, 8192).unwrap();
        let (mut state, _) = State::open(disk, [1; 16]).unwrap();
        assert_eq!(check(&mut state), Ok(0));
        for batch in 1..=200 {
            let mut changes = Batch::new();
            changes.put(Namespace::DiskTest, slot(batch), value(batch));
            changes.put(Namespace::DiskTest, LAST, batch.to_le_bytes());
            state.commit(changes).unwrap();
            assert_eq!(check(&mut state), Ok(batch));
        }
        let lens: Vec<usize> = (1..200).map(|batch| value(batch).len()).collect();
        assert!(lens.iter().any(|&len| len < 1024) && lens.iter().any(|&len| len > 4096));
        let mut half = Batch::new();
        half.put(Namespace::DiskTest, LAST, 201_u64.to_le_bytes());
        state.commit(half).unwrap();
        assert!(check(&mut state).unwrap_err().contains("201 is not whole"));
    }
}
