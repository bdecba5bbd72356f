//! What a program starts from, where it reads items, and what it leaves.

use super::cache::Cache;
use super::dataset::DatasetView;
use super::params::Params;
use super::program::{Configuration, Registers};
use super::simd::float::Rounding;

/// Where a machine takes dataset items from.
pub enum Source<'a, P> {
    /// Computes each from the cache: slow, 256 MiB.
    Light(&'a Cache<P>),
    /// Reads them from memory: fast, gibibytes.
    Fast(DatasetView<'a, P>),
}

impl<P> Clone for Source<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Source<'_, P> {}

impl<P: Params> Source<'_, P> {
    pub(super) fn item(self, number: u64) -> [u64; 8] {
        match self {
            Self::Light(cache) => cache.item(number),
            Self::Fast(dataset) => *dataset.item(number as usize),
        }
    }
}

/// What a program starts from and what it leaves.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The register file.
    pub registers: Registers,
    /// The program's configuration.
    pub configuration: Configuration,
    /// The rounding mode, which outlives programs.
    pub rounding: Rounding,
}
