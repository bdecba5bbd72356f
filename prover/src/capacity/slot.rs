//! A place for a dataset, shared by the hardware threads that fill it and hash with it, and what a
//! thread does there.
//!
//! The state machine in [`prover`](super::prover) decides which core does what; an edge owns the
//! threads and carries its decisions to them as [`Work`]. Nothing here waits: a worker returns when
//! it is told to stop, when its work is done, or when memory is missing.

use super::prover::Report;
use super::work::ProverLoop;
use super::{Difficulty, LocalNonce};
use crate::memory::{Memory, OutOfMemory};
use crate::randomx::cache::{CacheBuilder, CacheError};
use crate::randomx::dataset::{CHUNK, DatasetBuilder};
use crate::randomx::{Cache, Params, Source};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use spin::{Mutex, Once};

/// Blocks of a cache between two looks at the flag: some hundred microseconds of work.
const BLOCKS: usize = 1024;
/// Items of a dataset between two reports: some tenths of a second.
const ITEMS: usize = 64 * CHUNK;
/// Hashes between two reports of their number, by what a hash takes: seconds in light mode.
const FAST_ROUND: u64 = 64;
const LIGHT_ROUND: u64 = 4;

/// The memory of a dataset and of the cache it comes from.
pub struct Slot<P> {
    light: bool,
    building: Mutex<Option<CacheBuilder<P>>>,
    /// Until the dataset is complete, or always in light mode.
    cache: Mutex<Option<Arc<Cache<P>>>>,
    dataset: Once<DatasetBuilder<P>>,
}

/// What a hardware thread is to do, until it is told to stop.
#[derive(Debug)]
pub enum Work<P> {
    /// Make the slot's cache from the key, or go on with it. For one thread only.
    Cache {
        /// The slot.
        slot: Arc<Slot<P>>,
        /// The RandomX key.
        key: [u8; 32],
    },
    /// Fill the slot's dataset, together with others.
    Fill {
        /// The slot.
        slot: Arc<Slot<P>>,
    },
    /// Look for proofs.
    Hash {
        /// The slot.
        slot: Arc<Slot<P>>,
        /// The threshold.
        difficulty: Difficulty,
        /// Fresh random bytes, for every work of every thread its own.
        start: LocalNonce,
    },
}

/// Why a worker came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to stop.
    Stopped,
    /// Its part is done.
    Finished,
    /// There was no memory. A slot just given up by others may still hold it: try again soon.
    OutOfMemory(OutOfMemory),
}

impl<P: Params> Slot<P> {
    /// A slot without memory. A `light` one never gets a dataset.
    pub fn new(light: bool) -> Self {
        Self {
            light,
            building: Mutex::new(None),
            cache: Mutex::new(None),
            dataset: Once::new(),
        }
    }

    fn make_cache(
        &self,
        memory: &impl Memory,
        key: &[u8],
        stop: &AtomicBool,
        report: &mut impl FnMut(Report),
    ) -> Outcome {
        let mut building = self.building.lock();
        let mut builder = match building.take() {
            Some(builder) => builder,
            None => match CacheBuilder::start(memory, key) {
                Ok(builder) => builder,
                Err(CacheError::OutOfMemory(missing)) => return Outcome::OutOfMemory(missing),
                Err(CacheError::KeyTooLong(_)) => return Outcome::Finished,
            },
        };
        while !builder.step(BLOCKS) {
            if stop.load(Ordering::Relaxed) {
                *building = Some(builder);
                return Outcome::Stopped;
            }
        }
        if !self.light {
            match DatasetBuilder::new(memory) {
                Ok(dataset) => drop(self.dataset.call_once(|| dataset)),
                Err(missing) => {
                    *building = Some(builder);
                    return Outcome::OutOfMemory(missing);
                }
            }
        }
        *self.cache.lock() = Some(Arc::new(builder.finish()));
        report(Report::CacheReady);
        Outcome::Finished
    }

    fn fill(&self, stop: &AtomicBool, report: &mut impl FnMut(Report)) -> Outcome {
        let Some(dataset) = self.dataset.get() else {
            // A light slot is complete with its cache.
            report(Report::Filled { done: 1, of: 1 });
            return Outcome::Finished;
        };
        let cache = self.cache.lock().clone();
        let mut told = 0;
        loop {
            let (done, of) = dataset.progress();
            if done == of || done - told >= ITEMS {
                told = done;
                report(Report::Filled { done, of });
            }
            if done == of {
                *self.cache.lock() = None;
                return Outcome::Finished;
            }
            if stop.load(Ordering::Relaxed) {
                return Outcome::Stopped;
            }
            if !cache.as_deref().is_some_and(|cache| dataset.step(cache)) {
                // Others are at work on the last chunks, for some milliseconds.
                core::hint::spin_loop();
            }
        }
    }
}

impl<P> fmt::Debug for Slot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot(light: {})", self.light)
    }
}

/// A hardware thread's machine, and the work it is at.
#[derive(Debug)]
pub struct Worker<P, const LANES: usize> {
    prover: ProverLoop<LANES>,
    work: Option<Work<P>>,
}

impl<P: Params, const LANES: usize> Worker<P, LANES> {
    /// A worker without work.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` lends no scratchpad.
    pub fn new(memory: &impl Memory) -> Result<Self, OutOfMemory> {
        let prover = ProverLoop::new(memory)?;
        Ok(Self { prover, work: None })
    }

    /// Takes new work in place of the old.
    pub fn take(&mut self, work: Option<Work<P>>) {
        if let Some(Work::Hash {
            difficulty, start, ..
        }) = &work
        {
            self.prover.assign(*difficulty, *start);
        }
        self.work = work;
    }

    /// Goes on with its work until `stop` is set or there is nothing left to do. `report` is called
    /// from time to time, and at once for a proof.
    pub fn run(
        &mut self,
        memory: &impl Memory,
        stop: &AtomicBool,
        mut report: impl FnMut(Report),
    ) -> Outcome {
        let Self { prover, work } = self;
        let outcome = match work {
            None => Outcome::Finished,
            Some(Work::Cache { slot, key }) => slot.make_cache(memory, key, stop, &mut report),
            Some(Work::Fill { slot }) => slot.fill(stop, &mut report),
            Some(Work::Hash { slot, .. }) => hash(slot, prover, stop, &mut report),
        };
        if outcome == Outcome::Finished {
            self.work = None;
        }
        outcome
    }
}

/// How many hashes a hardware thread makes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// One: the core's other threads fill the waits for memory.
    One,
    /// Two in turns: the core runs one thread.
    Two,
}

impl Lanes {
    /// What is best where so many threads of a core hash.
    pub fn for_threads(per_core: usize) -> Self {
        match per_core {
            0 | 1 => Self::Two,
            _ => Self::One,
        }
    }

    /// The number.
    pub fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// A [`Worker`] of either kind.
#[derive(Debug)]
pub enum AnyWorker<P> {
    /// One hash at a time.
    One(Box<Worker<P, 1>>),
    /// Two hashes in turns.
    Two(Box<Worker<P, 2>>),
}

impl<P: Params> AnyWorker<P> {
    /// A worker without work.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` lends no scratchpad.
    pub fn new(memory: &impl Memory, lanes: Lanes) -> Result<Self, OutOfMemory> {
        Ok(match lanes {
            Lanes::One => Self::One(Box::new(Worker::new(memory)?)),
            Lanes::Two => Self::Two(Box::new(Worker::new(memory)?)),
        })
    }

    /// As [`Worker::take`].
    pub fn take(&mut self, work: Option<Work<P>>) {
        match self {
            Self::One(worker) => worker.take(work),
            Self::Two(worker) => worker.take(work),
        }
    }

    /// As [`Worker::run`].
    pub fn run(
        &mut self,
        memory: &impl Memory,
        stop: &AtomicBool,
        report: impl FnMut(Report),
    ) -> Outcome {
        match self {
            Self::One(worker) => worker.run(memory, stop, report),
            Self::Two(worker) => worker.run(memory, stop, report),
        }
    }
}

fn hash<P: Params, const LANES: usize>(
    slot: &Slot<P>,
    prover: &mut ProverLoop<LANES>,
    stop: &AtomicBool,
    report: &mut impl FnMut(Report),
) -> Outcome {
    let cache = slot.cache.lock().clone();
    let dataset = slot.dataset.get().and_then(DatasetBuilder::complete);
    let (source, round) = match (dataset, &cache) {
        (Some(dataset), _) => (Source::Fast(dataset), FAST_ROUND),
        (None, Some(cache)) => (Source::Light(cache), LIGHT_ROUND),
        (None, None) => return Outcome::Finished,
    };
    while !stop.load(Ordering::Relaxed) {
        let found = |nonce, hash| report(Report::Found(nonce, hash));
        let done = prover.run(source, round, stop, found);
        report(Report::Hashed(done));
    }
    Outcome::Stopped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Heap, Purpose, Region};
    use crate::randomx::Fluence;
    use std::vec::Vec;

    /// A lender that has nothing.
    struct Nothing;

    impl Memory for Nothing {
        fn lend(&self, purpose: Purpose, bytes: usize) -> Result<Region, OutOfMemory> {
            Err(OutOfMemory { purpose, bytes })
        }
    }

    fn run(worker: &mut Worker<Fluence, 1>, memory: &impl Memory) -> (Outcome, Vec<Report>) {
        let mut reports = Vec::new();
        let stop = AtomicBool::new(false);
        let outcome = worker.run(memory, &stop, |report| {
            reports.push(report);
            if matches!(report, Report::Found(..)) {
                stop.store(true, Ordering::Relaxed);
            }
        });
        (outcome, reports)
    }

    #[test]
    fn from_key_to_proof_in_light_mode() {
        let slot = Arc::new(Slot::new(true));
        let mut worker = Worker::new(&Heap).expect("memory");
        worker.take(Some(Work::Cache {
            slot: Arc::clone(&slot),
            key: [1; 32],
        }));
        let (outcome, reports) = run(&mut worker, &Nothing);
        assert!(matches!(outcome, Outcome::OutOfMemory(_)) && reports.is_empty());
        let told = AtomicBool::new(true);
        let stopped = worker.run(&Heap, &told, |_| panic!("nothing is done"));
        assert_eq!(stopped, Outcome::Stopped);
        // What was begun goes on, without new memory.
        let ready = [Report::CacheReady].into();
        assert_eq!(run(&mut worker, &Nothing), (Outcome::Finished, ready));
        assert_eq!(run(&mut worker, &Nothing), (Outcome::Finished, [].into()));
        worker.take(Some(Work::Fill {
            slot: Arc::clone(&slot),
        }));
        let complete = [Report::Filled { done: 1, of: 1 }].into();
        assert_eq!(run(&mut worker, &Nothing), (Outcome::Finished, complete));
        let mut next = LocalNonce([7; 32]);
        worker.take(Some(Work::Hash {
            slot,
            difficulty: Difficulty([0xFF; 32]),
            start: next,
        }));
        // A pause repeats and skips nothing.
        for _ in 0..2 {
            let (outcome, reports) = run(&mut worker, &Nothing);
            assert_eq!(outcome, Outcome::Stopped);
            let [Report::Found(nonce, _), Report::Hashed(1)] = reports[..] else {
                panic!("{reports:?}")
            };
            assert_eq!(nonce, next);
            next = next.next();
        }
    }
}
