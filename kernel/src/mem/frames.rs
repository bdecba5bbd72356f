//! Free physical memory, in pages of 4 KiB, 2 MiB and 1 GiB and in runs of them. Pure.
//!
//! A short sorted list of extents, neighbours joined: allocations are rare and large here (stacks,
//! rings, heap growth, data sets), so there is no structure inside the free memory itself. Small
//! requests take from the smallest extent that fits, which keeps the big ones whole for huge pages.

use core::fmt;

use hermit_sync::TicketMutex;

use super::PAGE;
use super::map::Span;

/// Most separate free extents. Firmware maps have about a hundred.
const MAX_EXTENTS: usize = 512;

/// The machine's free memory.
pub static FRAMES: TicketMutex<Frames> = TicketMutex::new(Frames::new());

/// There is no free run of that size and alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub bytes: u64,
    /// Alignment asked for.
    pub align: u64,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no {} KiB of free memory aligned to {} KiB",
            self.bytes >> 10,
            self.align >> 10
        )
    }
}

impl core::error::Error for OutOfMemory {}

/// A set of free pages.
pub struct Frames {
    /// Sorted by address; no two touch.
    extents: heapless::Vec<Span, MAX_EXTENTS>,
    /// Bytes given up because the list was full.
    lost: u64,
}

impl Frames {
    /// No memory at all.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            extents: heapless::Vec::new(),
            lost: 0,
        }
    }

    /// Free bytes.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.extents.iter().map(Span::len).sum()
    }

    /// Bytes that were given back but could not be kept, for want of list entries.
    #[must_use]
    pub const fn lost_bytes(&self) -> u64 {
        self.lost
    }

    /// Takes `bytes` (rounded up to pages) at a multiple of `align` (a power of two).
    ///
    /// # Errors
    /// [`OutOfMemory`] if no extent holds such a run.
    pub fn allocate(&mut self, bytes: u64, align: u64) -> Result<u64, OutOfMemory> {
        self.allocate_below(bytes, align, u64::MAX)
    }

    /// As [`Self::allocate`], with the whole run below `limit`.
    ///
    /// # Errors
    /// [`OutOfMemory`] if no extent holds such a run.
    pub fn allocate_below(
        &mut self,
        bytes: u64,
        align: u64,
        limit: u64,
    ) -> Result<u64, OutOfMemory> {
        debug_assert!(align.is_power_of_two());
        let refusal = OutOfMemory { bytes, align };
        let len = bytes.max(1).checked_next_multiple_of(PAGE).ok_or(refusal)?;
        let align = align.max(PAGE);
        let place = |extent: &Span| {
            let start = extent.start.checked_next_multiple_of(align)?;
            let end = start.checked_add(len)?;
            (end <= extent.end.min(limit)).then_some(start)
        };
        let candidates = self.extents.iter().enumerate();
        let fitting =
            candidates.filter_map(|(index, extent)| Some((extent.len(), index, place(extent)?)));
        let (_, index, start) = fitting.min().ok_or(refusal)?;
        self.cut(
            index,
            Span {
                start,
                end: start + len,
            },
        );
        Ok(start)
    }

    /// Removes `span` from the extent at `index`, which holds all of it.
    fn cut(&mut self, index: usize, span: Span) {
        let extent = self.extents[index];
        let (before, after) = (
            Span {
                start: extent.start,
                end: span.start,
            },
            Span {
                start: span.end,
                end: extent.end,
            },
        );
        match (before.is_empty(), after.is_empty()) {
            (true, true) => drop(self.extents.remove(index)),
            (true, false) => self.extents[index] = after,
            (false, true) => self.extents[index] = before,
            (false, false) => {
                self.extents[index] = before;
                if self.extents.insert(index + 1, after).is_err() {
                    self.lost += after.len();
                }
            }
        }
    }

    /// Gives memory back, or adds memory that was the firmware's.
    ///
    /// # Panics
    /// If part of it is free already: then two owners believe to hold it.
    pub fn free(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let index = self
            .extents
            .partition_point(|extent| extent.end < span.start);
        match self.extents.get(index).copied() {
            Some(next) if next.start <= span.end => {
                let touches = next.end == span.start || next.start == span.end;
                assert!(touches, "memory at {:#x} is freed twice", span.start);
                self.extents[index] = Span {
                    start: next.start.min(span.start),
                    end: next.end.max(span.end),
                };
                self.join_with_next(index);
            }
            _ => {
                if self.extents.insert(index, span).is_err() {
                    self.lost += span.len();
                }
            }
        }
    }

    fn join_with_next(&mut self, index: usize) {
        let (extent, Some(next)) = (self.extents[index], self.extents.get(index + 1).copied())
        else {
            return;
        };
        assert!(
            next.start >= extent.end,
            "memory at {:#x} is freed twice",
            next.start
        );
        if next.start == extent.end {
            self.extents[index].end = next.end;
            self.extents.remove(index + 1);
        }
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{HUGE_PAGE, LARGE_PAGE};
    use proptest::prelude::*;
    use std::vec::Vec;

    fn frames(spans: &[(u64, u64)]) -> Frames {
        let mut frames = Frames::new();
        for &(start, end) in spans {
            frames.free(Span { start, end });
        }
        frames
    }

    #[test]
    fn small_requests_spare_the_big_extent() {
        let mut frames = frames(&[(0x10_0000, 0x10_4000), (HUGE_PAGE, 3 * HUGE_PAGE)]);
        assert_eq!(frames.allocate(PAGE, PAGE), Ok(0x10_0000));
        assert_eq!(frames.allocate(HUGE_PAGE, HUGE_PAGE), Ok(HUGE_PAGE));
        assert_eq!(frames.allocate(LARGE_PAGE, LARGE_PAGE), Ok(2 * HUGE_PAGE));
    }

    #[test]
    fn alignment_leaves_the_rest_free() {
        let mut frames = frames(&[(PAGE, 2 * LARGE_PAGE)]);
        assert_eq!(frames.allocate(LARGE_PAGE, LARGE_PAGE), Ok(LARGE_PAGE));
        assert_eq!(frames.free_bytes(), LARGE_PAGE - PAGE);
        assert!(frames.allocate(LARGE_PAGE, LARGE_PAGE).is_err());
    }

    #[test]
    fn limits_hold() {
        let mut frames = frames(&[(HUGE_PAGE, 2 * HUGE_PAGE)]);
        assert!(frames.allocate_below(PAGE, PAGE, HUGE_PAGE).is_err());
        assert!(frames.allocate_below(PAGE, PAGE, HUGE_PAGE + PAGE).is_ok());
        assert!(frames.allocate(u64::MAX, PAGE).is_err());
    }

    #[test]
    #[should_panic(expected = "freed twice")]
    fn double_free_is_noticed() {
        let mut frames = frames(&[(PAGE, 4 * PAGE)]);
        frames.free(Span {
            start: 2 * PAGE,
            end: 3 * PAGE,
        });
    }

    #[test]
    fn a_full_list_loses_memory_but_nothing_else() {
        let mut frames = Frames::new();
        for index in 0..MAX_EXTENTS as u64 + 1 {
            frames.free(Span {
                start: (2 * index + 1) * PAGE,
                end: (2 * index + 2) * PAGE,
            });
        }
        assert_eq!(frames.lost_bytes(), PAGE);
        assert_eq!(frames.free_bytes(), MAX_EXTENTS as u64 * PAGE);
    }

    proptest! {
        /// Whatever is taken never overlaps, and giving all back restores the start.
        #[test]
        fn taking_and_giving_back_is_sound(
            requests in proptest::collection::vec((1..20_u64, 0..4_u32, any::<bool>()), 1..60)
        ) {
            let mut frames = frames(&[(PAGE, 600 * PAGE), (700 * PAGE, 900 * PAGE)]);
            let before = frames.free_bytes();
            let mut taken: Vec<Span> = Vec::new();
            for (pages, align, give_back) in requests {
                if give_back && !taken.is_empty() {
                    frames.free(taken.swap_remove(0));
                }
                if let Ok(start) = frames.allocate(pages * PAGE, PAGE << align) {
                    let span = Span { start, end: start + pages * PAGE };
                    prop_assert!(start.is_multiple_of(PAGE << align));
                    prop_assert!(taken.iter().all(|other| other.end <= span.start || span.end <= other.start));
                    taken.push(span);
                }
            }
            for span in taken {
                frames.free(span);
            }
            prop_assert_eq!(frames.free_bytes(), before);
            prop_assert_eq!(frames.extents.len(), 2);
        }
    }
}
