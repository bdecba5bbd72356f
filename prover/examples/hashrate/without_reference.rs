//! No contender: built without the reference.

use super::Contender;
use basalt_prover::memory::Mmap;
use basalt_prover::randomx::dataset::DatasetView;
use basalt_prover::randomx::{Cache, Params};
use std::error::Error;
use std::time::Duration;

/// None fills caches.
pub(crate) fn cache<'a>(_: &Mmap) -> Result<Option<Contender<'a>>, Box<dyn Error>> {
    Ok(None)
}

/// None fills datasets.
pub(crate) fn fill<'a, P: Params>(
    _: &Mmap,
    _: &Cache<P>,
) -> Result<Option<Contender<'a>>, Box<dyn Error>> {
    Ok(None)
}

/// None hashes.
pub(crate) fn hash<'a, P: Params>(
    _: &'a Mmap,
    _: DatasetView<'_, P>,
    _: Duration,
    _: usize,
) -> Result<Option<Contender<'a>>, Box<dyn Error>> {
    Ok(None)
}
