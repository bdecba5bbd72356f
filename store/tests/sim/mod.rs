//! A disk that loses power: it records what was written and flushed, and gives back every state
//! that a real disk may be in after a cut.
//!
//! Unflushed writes reach the medium in pieces of 512 bytes, any of them, in any order.

use basalt_store::BlockDevice;
use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;

pub(crate) const SECTOR: usize = 512;

#[derive(Clone)]
pub(crate) enum Op {
    /// One sector.
    Write(u64, Box<[u8; SECTOR]>),
    Flush,
    /// The workload's batch with this number was acknowledged.
    Acknowledged(usize),
}

/// A working disk that records.
#[derive(Clone)]
pub(crate) struct Recorder {
    state: Rc<RefCell<(Vec<u8>, Vec<Op>)>>,
    block_size: usize,
}

impl Recorder {
    pub(crate) fn new(pages: usize, block_size: usize) -> Self {
        Self {
            state: Rc::new(RefCell::new((vec![0; pages * 4096], Vec::new()))),
            block_size,
        }
    }

    pub(crate) fn acknowledge(&self, batch: usize) {
        self.state.borrow_mut().1.push(Op::Acknowledged(batch));
    }

    pub(crate) fn take_ops(&self) -> Vec<Op> {
        std::mem::take(&mut self.state.borrow_mut().1)
    }

    pub(crate) fn image(&self) -> Vec<u8> {
        self.state.borrow().0.clone()
    }

    pub(crate) fn write_bytes(&self, offset: usize, data: &[u8]) {
        let (image, ops) = &mut *self.state.borrow_mut();
        if image.len() < offset + data.len() {
            image.resize(offset + data.len(), 0);
        }
        image[offset..offset + data.len()].copy_from_slice(data);
        let first = offset / SECTOR;
        let last = (offset + data.len()).div_ceil(SECTOR);
        image.resize(image.len().max(last * SECTOR), 0);
        for sector in first..last {
            let bytes = image[sector * SECTOR..][..SECTOR].try_into().unwrap();
            ops.push(Op::Write(sector as u64, Box::new(bytes)));
        }
    }

    pub(crate) fn sync(&self) {
        self.state.borrow_mut().1.push(Op::Flush);
    }
}

impl BlockDevice for Recorder {
    type Error = Infallible;

    fn block_size(&self) -> usize {
        self.block_size
    }
    fn block_count(&self) -> u64 {
        (self.state.borrow().0.len() / self.block_size) as u64
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Infallible> {
        let at = block as usize * self.block_size;
        buf.copy_from_slice(&self.state.borrow().0[at..at + buf.len()]);
        Ok(())
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Infallible> {
        assert_eq!(data.len() % self.block_size, 0);
        let at = block as usize * self.block_size;
        assert!(
            at + data.len() <= self.state.borrow().0.len(),
            "a write behind the disk's end"
        );
        self.write_bytes(at, data);
        Ok(())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        self.sync();
        Ok(())
    }
    fn discard(&mut self, block: u64, count: u64) -> Result<(), Infallible> {
        // The worst a disk may do with discarded blocks: fill them with something else.
        let junk = vec![0xa5; count as usize * self.block_size];
        self.write(block, &junk)
    }
}

/// The medium after a cut: what was durable, and some of the sectors that were not. Writes go to
/// the overlay only.
#[derive(Clone)]
pub(crate) struct AfterCut<'a> {
    pub(crate) durable: &'a [u8],
    pub(crate) overlay: HashMap<u64, Box<[u8; SECTOR]>>,
    pub(crate) block_size: usize,
}

impl AfterCut<'_> {
    pub(crate) fn read_at(&self, at: usize, buf: &mut [u8]) {
        buf.copy_from_slice(&self.durable[at..at + buf.len()]);
        for (sector, data) in &self.overlay {
            let start = *sector as usize * SECTOR;
            let (from, to) = (start.max(at), (start + SECTOR).min(at + buf.len()));
            if from < to {
                buf[from - at..to - at].copy_from_slice(&data[from - start..to - start]);
            }
        }
    }
}

impl BlockDevice for AfterCut<'_> {
    type Error = Infallible;

    fn block_size(&self) -> usize {
        self.block_size
    }
    fn block_count(&self) -> u64 {
        (self.durable.len() / self.block_size) as u64
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Infallible> {
        self.read_at(block as usize * self.block_size, buf);
        Ok(())
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Infallible> {
        let first = block * (self.block_size / SECTOR) as u64;
        for (sector, bytes) in (first..).zip(data.chunks(SECTOR)) {
            self.overlay
                .insert(sector, Box::new(bytes.try_into().unwrap()));
        }
        Ok(())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
    fn discard(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A small generator: the tests must replay.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Walks through all cuts of a history. `check(medium, acknowledged)` sees the medium after a cut
/// and how many batches were acknowledged before it. Returns the number of cuts.
///
/// Up to `exhaustive` unflushed sectors: every subset. More: none, all, each prefix, each one alone
/// and each one missing, and `samples` random subsets.
pub(crate) fn all_cuts(
    mut durable: Vec<u8>,
    ops: &[Op],
    block_size: usize,
    exhaustive: usize,
    samples: usize,
    seed: u64,
    mut check: impl FnMut(AfterCut<'_>, usize),
) -> u64 {
    let mut random = Random(seed | 1);
    let mut pending: Vec<(u64, &[u8; SECTOR])> = Vec::new();
    let mut acknowledged = 0;
    let mut cuts = 0;
    let end = Op::Flush;
    for op in ops.iter().chain([&end]) {
        match op {
            Op::Write(sector, data) => {
                pending.push((*sector, data));
                continue;
            }
            Op::Acknowledged(batch) => {
                acknowledged = *batch;
                assert!(pending.is_empty(), "acknowledged before a flush");
            }
            Op::Flush => {
                // Each cut before this flush is one that loses some of what is pending here.
                let count = pending.len();
                let mut cut = |keep: &dyn Fn(usize) -> bool| {
                    let kept = pending.iter().enumerate().filter(|(i, _)| keep(*i));
                    let overlay = kept.map(|(_, (s, d))| (*s, Box::new(**d))).collect();
                    check(
                        AfterCut {
                            durable: &durable,
                            overlay,
                            block_size,
                        },
                        acknowledged,
                    );
                    cuts += 1;
                };
                if count <= exhaustive {
                    (0..1u64 << count).for_each(|set| cut(&|i| set >> i & 1 == 1));
                } else {
                    for i in 0..=count {
                        cut(&|j| j < i);
                        cut(&|j| j == i);
                        cut(&|j| j != i);
                    }
                    for _ in 0..samples {
                        let (a, b) = (random.next(), random.next());
                        cut(&|i| (a.rotate_left(i as u32) ^ b >> (i % 61)) & 1 == 1);
                    }
                }
                for (sector, data) in pending.drain(..) {
                    let at = sector as usize * SECTOR;
                    if durable.len() < at + SECTOR {
                        durable.resize(at + SECTOR, 0);
                    }
                    durable[at..at + SECTOR].copy_from_slice(data);
                }
            }
        }
    }
    cuts
}
