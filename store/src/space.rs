//! Which pages are free. Rebuilt from the index at opening, never stored.

use crate::index::Extent;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Runs of free pages, by first page.
#[derive(Debug, Default)]
pub(crate) struct Space {
    free: BTreeMap<u64, u64>,
    pages: u64,
    /// Where the search for the next allocation begins, so that a long allocation does not walk
    /// over the same small holes each time.
    cursor: u64,
}

impl Space {
    /// Pages `first..end`, all free.
    pub(crate) fn new(first: u64, end: u64) -> Self {
        let mut space = Self {
            cursor: first,
            ..Self::default()
        };
        space.release(first, end - first);
        space
    }

    /// Number of free pages.
    pub(crate) fn free(&self) -> u64 {
        self.pages
    }

    /// Takes these very pages; false if any of them was not free (then nothing is taken).
    pub(crate) fn take(&mut self, page: u64, count: u64) -> bool {
        // Runs do not touch each other: only the last one that begins at or before the page can
        // hold it.
        let Some((&start, &length)) = self.free.range(..=page).next_back() else {
            return false;
        };
        let Some(end) = page.checked_add(count) else {
            return false;
        };
        if end > start + length {
            return false;
        }
        self.free.remove(&start);
        if page > start {
            self.free.insert(start, page - start);
        }
        if start + length > end {
            self.free.insert(end, start + length - end);
        }
        self.pages -= count;
        true
    }

    /// True when all of these pages are free.
    pub(crate) fn is_free(&self, page: u64, count: u64) -> bool {
        self.free
            .range(..=page)
            .next_back()
            .is_some_and(|(start, length)| page + count <= start + length)
    }

    /// Gives pages back.
    pub(crate) fn release(&mut self, page: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.pages += count;
        let (mut start, mut end) = (page, page + count);
        // Neighbours become one run, so that `take` finds any free pages in one run.
        if let Some((&before, &length)) = self.free.range(..page).next_back()
            && before + length == page
        {
            self.free.remove(&before);
            start = before;
        }
        if let Some(length) = self.free.remove(&end) {
            end += length;
        }
        self.free.insert(start, end - start);
    }

    /// One run of `count` pages.
    pub(crate) fn allocate_run(&mut self, count: u64) -> Option<u64> {
        let fits = |(&page, &length): (&u64, &u64)| (length >= count).then_some(page);
        let page = self
            .free
            .range(self.cursor..)
            .find_map(fits)
            .or_else(|| self.free.range(..self.cursor).find_map(fits))?;
        self.take(page, count);
        self.cursor = page + count;
        Some(page)
    }

    /// `count` pages in as few runs as come easily: one if there is one, else the runs as they lie.
    pub(crate) fn allocate(&mut self, count: u64) -> Option<Vec<Extent>> {
        // Checked first: the loop below then always finds a run.
        if count > self.pages {
            return None;
        }
        let mut extents = Vec::new();
        let mut left = count;
        while left > 0 {
            // An extent counts its pages in 32 bits.
            let want = left.min(u64::from(u32::MAX));
            let (page, length) = match self.allocate_run(want) {
                Some(page) => (page, want),
                None => {
                    // No run is long enough: the value is scattered over the next ones, rather than
                    // refused on a disk that has the pages.
                    let (&page, &length) = self
                        .free
                        .range(self.cursor..)
                        .next()
                        .or_else(|| self.free.iter().next())?;
                    let length = length.min(want);
                    self.take(page, length);
                    self.cursor = page + length;
                    (page, length)
                }
            };
            extents.push(Extent {
                page,
                count: length as u32,
            });
            left -= length;
        }
        Some(extents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_neighbours_become_one_run() {
        let mut space = Space::new(10, 20);
        let a = space.allocate_run(4).unwrap();
        let b = space.allocate_run(6).unwrap();
        assert_eq!((a, b, space.free()), (10, 14, 0));
        assert_eq!(space.allocate(1), None);
        space.release(a, 4);
        space.release(b, 6);
        assert_eq!(space.allocate_run(10), Some(10));
    }

    #[test]
    fn a_fragmented_space_still_gives_all_its_pages() {
        let mut space = Space::new(0, 10);
        assert!(space.take(2, 1) && space.take(5, 1) && space.take(8, 1));
        assert!(!space.take(4, 2), "page 5 is taken");
        let extents = space.allocate(7).unwrap();
        assert_eq!(extents.iter().map(|extent| extent.count).sum::<u32>(), 7);
        assert_eq!(space.free(), 0);
    }
}
