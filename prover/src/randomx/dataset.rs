//! The dataset: all items of a key, computed once so that hashing only reads.

use super::cache::{Cache, Item};
use super::params::Params;
use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};

mod chunk;
use chunk::Items;

/// Items a core takes on at once: some milliseconds of work.
pub const CHUNK: usize = 1024;

/// A dataset that any number of cores fill together, each calling [`step`](Self::step) until there
/// is nothing left.
pub struct DatasetBuilder<P> {
    items: Items,
    claimed: AtomicUsize,
    done: AtomicUsize,
    params: PhantomData<P>,
}

impl<P: Params> DatasetBuilder<P> {
    /// A dataset without content.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` does not lend it.
    pub fn new(memory: &impl Memory) -> Result<Self, OutOfMemory> {
        Ok(Self::in_region(
            memory.lend(Purpose::Dataset, P::DATASET_BYTES)?,
        ))
    }

    /// A dataset to be filled in the place of another, or in any region lent for one.
    ///
    /// # Panics
    ///
    /// If the region is smaller than the dataset.
    pub fn in_region(region: Region) -> Self {
        assert!(
            region.bytes().len() >= P::DATASET_BYTES,
            "region too small for the dataset"
        );
        Self {
            items: Items::new(region),
            claimed: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            params: PhantomData,
        }
    }

    /// Computes the next chunk from `cache`; false when all chunks are taken (others may still be
    /// at work on theirs). All callers must pass the cache of the same key.
    pub fn step(&self, cache: &Cache<P>) -> bool {
        self.step_with(|first, items| cache.items(first, items))
    }

    /// As [`step`](Self::step), with items from elsewhere: `write` gets the number of the first
    /// item and the place for it and those that follow.
    pub fn step_with(&self, write: impl FnOnce(u64, &mut [Item])) -> bool {
        if self.claimed.load(Ordering::Relaxed) >= P::DATASET_ITEMS {
            return false;
        }
        let first = self.claimed.fetch_add(CHUNK, Ordering::Relaxed);
        if first >= P::DATASET_ITEMS {
            return false;
        }
        let count = CHUNK.min(P::DATASET_ITEMS - first);
        self.items
            .with_claimed(first, count, |items| write(first as u64, items));
        self.done.fetch_add(count, Ordering::Release);
        true
    }

    /// Items done and items in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.done.load(Ordering::Acquire), P::DATASET_ITEMS)
    }

    /// The complete dataset, while the builder is shared; `None` until the last item is done.
    pub fn complete(&self) -> Option<DatasetView<'_, P>> {
        let (done, all) = self.progress();
        (done == all).then(|| DatasetView {
            words: self
                .items
                .words()
                .get(..P::DATASET_ITEMS * 8)
                .unwrap_or_default(),
            params: PhantomData,
        })
    }

    /// The memory, for the next dataset.
    pub fn into_region(self) -> Region {
        self.items.into_region()
    }

    /// The complete dataset as an owned value.
    ///
    /// # Errors
    ///
    /// The builder itself if items are missing.
    pub fn finish(self) -> Result<Dataset<P>, Self> {
        if self.complete().is_some() {
            Ok(Dataset(self))
        } else {
            Err(self)
        }
    }
}

impl<P: Params> fmt::Debug for DatasetBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, all) = self.progress();
        write!(f, "DatasetBuilder({}, {done} of {all} items)", P::NAME)
    }
}

/// A complete dataset.
pub struct Dataset<P>(DatasetBuilder<P>);

impl<P: Params> fmt::Debug for Dataset<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dataset({})", P::NAME)
    }
}

impl<P: Params> Dataset<P> {
    /// Fills a dataset from `cache` on this core alone. Takes minutes.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` does not lend it.
    pub fn new(memory: &impl Memory, cache: &Cache<P>) -> Result<Self, OutOfMemory> {
        let builder = DatasetBuilder::new(memory)?;
        while builder.step(cache) {}
        Ok(Self(builder))
    }

    /// Its items, for hashing.
    pub fn view(&self) -> DatasetView<'_, P> {
        DatasetView {
            words: self.0.items.words(),
            params: PhantomData,
        }
    }
}

/// A borrowed complete dataset: holding one proves that every item of `P` is there.
pub struct DatasetView<'a, P> {
    words: &'a [u64],
    params: PhantomData<P>,
}

impl<P> Clone for DatasetView<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for DatasetView<'_, P> {}

impl<'a, P: Params> DatasetView<'a, P> {
    /// All words; at least eight per item.
    pub fn words(self) -> &'a [u64] {
        self.words
    }

    /// Item `number`.
    pub fn item(self, number: usize) -> &'a Item {
        &self.words.as_chunks().0[number]
    }
}

impl<P: Params> fmt::Debug for DatasetView<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatasetView({})", P::NAME)
    }
}
