//! A disk in memory, for tests, fuzzing and measurements: it loses power and stops answering when
//! told to.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use spin::Mutex;

use crate::BlockDevice;

/// Bytes that a power cut leaves whole or not at all.
const SECTOR: usize = 512;

/// What discarded blocks are filled with: the worst that a disk may do with them.
const JUNK: u8 = 0xa5;

/// A disk in memory; clones are the same disk, so that whoever keeps one can open it again after
/// its user is gone.
#[derive(Clone)]
pub struct Memory {
    block_size: usize,
    medium: Arc<Mutex<Medium>>,
}

struct Medium {
    bytes: Vec<u8>,
    /// What sectors held at the last flush, by their number, as far as they were written since.
    before: BTreeMap<usize, [u8; SECTOR]>,
    /// Writes and flushes that succeed, and then fail, before all succeed.
    faults: (u32, u32),
}

/// Why a disk in memory did not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The blocks are beyond its end, or not whole.
    Range,
    /// It was told to fail.
    Failing,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Range => "these blocks are not on the disk",
            Fault::Failing => "the disk does not answer",
        })
    }
}

impl core::error::Error for Fault {}

impl Memory {
    /// A blank disk of `bytes` bytes in blocks of `block_size`.
    pub fn new(block_size: usize, bytes: usize) -> Memory {
        Memory {
            block_size,
            medium: Arc::new(Mutex::new(Medium {
                bytes: alloc::vec![0; bytes],
                before: BTreeMap::new(),
                faults: (0, 0),
            })),
        }
    }

    /// Cuts the power: each sector of 512 bytes that was written since the last flush has what was
    /// written if `keep` says so of its number, else what it had at the flush.
    pub fn cut(&self, mut keep: impl FnMut(usize) -> bool) {
        let medium = &mut *self.medium.lock();
        for (sector, old) in core::mem::take(&mut medium.before) {
            // The caller decides for each sector: so tests tear writes and reorder them.
            if !keep(sector)
                && let Some(now) = medium.bytes.get_mut(sector * SECTOR..)
            {
                let len = now.len().min(SECTOR);
                now[..len].copy_from_slice(&old[..len]);
            }
        }
    }

    /// Lets the next `answers` writes and flushes succeed, as many as `times` after these fail, and
    /// all others succeed. What was written before a flush that fails is kept for the next one.
    pub fn fail(&self, answers: u32, times: u32) {
        self.medium.lock().faults = (answers, times);
    }

    /// Changes its content, or its size, behind its user's back.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        change(&mut self.medium.lock().bytes)
    }

    /// The bytes of blocks.
    fn range(&self, block: u64, len: usize) -> Result<Range<usize>, Fault> {
        let start = usize::try_from(block)
            .ok()
            .and_then(|block| block.checked_mul(self.block_size));
        match (start, len.checked_rem(self.block_size)) {
            (Some(start), Some(0)) => Ok(start..start.saturating_add(len)),
            _ => Err(Fault::Range),
        }
    }
}

impl Medium {
    fn answer(&mut self) -> Result<(), Fault> {
        match &mut self.faults {
            (_, 0) => Ok(()),
            (0, times) => {
                *times -= 1;
                Err(Fault::Failing)
            }
            (answers, _) => {
                *answers -= 1;
                Ok(())
            }
        }
    }

    /// Space to be written.
    fn change(&mut self, range: Range<usize>) -> Result<&mut [u8], Fault> {
        let space = self.bytes.get_mut(range.clone()).ok_or(Fault::Range)?;
        for (at, now) in (range.start / SECTOR..).zip(space.chunks(SECTOR)) {
            // Only the first write since a flush counts: a cut goes back to what was flushed.
            self.before.entry(at).or_insert_with(|| {
                let mut old = [0; SECTOR];
                old[..now.len()].copy_from_slice(now);
                old
            });
        }
        Ok(space)
    }
}

impl BlockDevice for Memory {
    type Error = Fault;

    fn block_size(&self) -> usize {
        self.block_size
    }

    fn block_count(&self) -> u64 {
        let bytes = self.medium.lock().bytes.len();
        bytes.checked_div(self.block_size).unwrap_or(0) as u64
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let range = self.range(block, buf.len())?;
        let medium = self.medium.lock();
        buf.copy_from_slice(medium.bytes.get(range).ok_or(Fault::Range)?);
        Ok(())
    }

    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Fault> {
        let range = self.range(block, data.len())?;
        let mut medium = self.medium.lock();
        medium.answer()?;
        medium.change(range)?.copy_from_slice(data);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let mut medium = self.medium.lock();
        medium.answer()?;
        medium.before.clear();
        Ok(())
    }

    fn discard(&mut self, block: u64, count: u64) -> Result<(), Fault> {
        let len = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(self.block_size));
        let range = self.range(block, len.ok_or(Fault::Range)?)?;
        // As on a disk: what was discarded is not what it was, and a cut may bring it back.
        self.medium.lock().change(range)?.fill(JUNK);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_takes_what_was_not_flushed() {
        let mut disk = Memory::new(4096, 8192);
        assert_eq!((disk.block_size(), disk.block_count()), (4096, 2));
        disk.write(0, &[1; 4096]).unwrap();
        disk.flush().unwrap();
        disk.write(0, &[2; 8192]).unwrap();
        let mut other = disk.clone();
        let mut read = |block| {
            let mut buf = [0; 4096];
            other.read(block, &mut buf).unwrap();
            buf
        };
        assert_eq!((read(0), read(1)), ([2; 4096], [2; 4096]));
        disk.cut(|sector| sector == 1 || sector == 15);
        let first = read(0);
        assert_eq!((first[511], first[512], first[1024]), (1, 2, 1));
        let second = read(1);
        assert_eq!((second[0], second[3583], second[3584]), (0, 0, 2));
        // What the cut has left stays.
        disk.cut(|_| false);
        assert_eq!(read(0), first);
    }

    #[test]
    fn it_fails_when_told_to_and_refuses_what_is_not_there() {
        let mut disk = Memory::new(512, 1024);
        assert_eq!(disk.write(2, &[0; 512]), Err(Fault::Range));
        assert_eq!(disk.write(u64::MAX, &[0; 512]), Err(Fault::Range));
        assert_eq!(disk.read(0, &mut [0; 100]), Err(Fault::Range));
        disk.fail(1, 2);
        disk.write(1, &[7; 512]).unwrap();
        assert_eq!(disk.write(1, &[8; 512]), Err(Fault::Failing));
        assert_eq!(disk.flush(), Err(Fault::Failing));
        disk.flush().unwrap();
        disk.discard(0, 1).unwrap();
        let mut buf = [0; 1024];
        disk.read(0, &mut buf).unwrap();
        assert_eq!((buf[0], buf[512]), (JUNK, 7));
    }
}
