//! The dataset's memory while several cores write disjoint parts of it.
#![allow(unsafe_code)]

use crate::memory::Region;
use crate::randomx::cache::Item;
use core::slice;

/// A region shared by writers that never take the same item twice.
pub(super) struct Items(Region);

impl Items {
    pub(super) fn new(region: Region) -> Self {
        Self(region)
    }

    /// Hands the items from `first` on to `write`. The caller takes each item once only: `first`
    /// comes from a counter that only grows.
    pub(super) fn with_claimed(&self, first: usize, count: usize, write: impl FnOnce(&mut [Item])) {
        assert!(
            (first + count) * size_of::<Item>() <= self.0.bytes().len(),
            "item out of range"
        );
        // SAFETY: the range lies in the region (asserted), is aligned to 64 bytes, and nobody else
        // has it: `DatasetBuilder::step`, the only caller, claims ranges by an atomic addition, and
        // readers wait until all claimed ranges are done.
        let items = unsafe {
            slice::from_raw_parts_mut(self.0.start().as_ptr().cast::<Item>().add(first), count)
        };
        write(items);
    }

    /// All words, for readers after the last writer.
    pub(super) fn words(&self) -> &[u64] {
        self.0.words()
    }

    pub(super) fn into_region(self) -> Region {
        self.0
    }
}
