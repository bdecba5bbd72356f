//! The reference as a contender, for upstream's parameters.

use super::reference::{Cache, Dataset, Vm};
use super::{Contender, ITEMS, KEY, clock, in_threads};
use basalt_prover::memory::{Memory, Mmap, Purpose};
use basalt_prover::randomx::dataset::DatasetView;
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{self, Params, Source, Upstream};
use clock::{Sample, cpu_seconds};
use std::error::Error;
use std::time::Duration;

/// Fills caches.
pub(crate) fn cache<'a>(memory: &Mmap) -> Result<Option<Contender<'a>>, Box<dyn Error>> {
    let mut reference = Cache::new(*memory)?;
    let mut turns = 0_u8;
    let work = move || {
        // The reference leaves a cache as it is if the key is the last one.
        turns += 1;
        let start = cpu_seconds();
        reference.init(&[turns; 12]);
        Sample {
            count: 1.0,
            seconds: cpu_seconds() - start,
        }
    };
    Ok(Some(("cache fill, reference".into(), Box::new(work))))
}

/// Fills datasets, from a cache of its own of the same key.
pub(crate) fn fill<'a, P: Params>(
    memory: &Mmap,
    _: &randomx::Cache<P>,
) -> Result<Option<Contender<'a>>, Box<dyn Error>> {
    if P::CACHE_ACCESSES != Upstream::CACHE_ACCESSES {
        return Ok(None);
    }
    let mut reference = Cache::new(*memory)?;
    reference.init(KEY);
    let region = memory.lend(Purpose::Dataset, P::DATASET_BYTES)?;
    let mut dataset = Dataset::new(region)?;
    let mut at = 0;
    dataset.fill(&reference, 0, ITEMS);
    let work = move || {
        let start = cpu_seconds();
        dataset.fill(&reference, at, ITEMS);
        at += ITEMS;
        Sample {
            count: ITEMS as f64,
            seconds: cpu_seconds() - start,
        }
    };
    Ok(Some(("dataset fill, reference".into(), Box::new(work))))
}

/// Hashes with our dataset.
pub(crate) fn hash<'a, P: Params>(
    memory: &'a Mmap,
    dataset: DatasetView<'_, P>,
    turn: Duration,
    threads: usize,
) -> Result<Option<Contender<'a>>, Box<dyn Error>> {
    if P::CACHE_ACCESSES != Upstream::CACHE_ACCESSES {
        return Ok(None);
    }
    let reference = Dataset::borrow(dataset.words())?;
    let expected = randomx::Vm::new(memory, Engine::Jit)?.hash(Source::Fast(dataset), b"check");
    if Vm::new(*memory, &reference)?.hash(b"check") != expected {
        return Err("the reference hashes differently".into());
    }
    let work = move || {
        in_threads(threads, || {
            let mut vm = Vm::new(*memory, &reference).expect("room for a machine");
            let mut nonce = 0_u64;
            vm.begin(&nonce.to_le_bytes());
            clock::repeat(turn, || {
                nonce += 1;
                vm.next(&nonce.to_le_bytes());
            })
        })
    };
    let name = format!("fast, {threads} thread(s), reference");
    Ok(Some((name, Box::new(work))))
}
