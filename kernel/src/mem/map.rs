//! The machine's memory as a list of regions. Pure.

use alloc::vec::Vec;

use super::PAGE;

/// A stretch of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First address.
    pub start: u64,
    /// First address behind the end.
    pub end: u64,
}

impl Span {
    /// Bytes in the span.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether the span has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// The part of the span at or above `floor`.
    #[must_use]
    pub fn above(&self, floor: u64) -> Self {
        Self {
            start: self.start.max(floor).min(self.end),
            end: self.end,
        }
    }
}

/// Whose a region is at the moment the kernel takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Free.
    Free,
    /// The firmware's until the kernel has its own tables and stack, free from then on.
    Firmware,
    /// The kernel's image and what it allocated through the firmware.
    Kernel,
    /// Tables and runtime services of the firmware: readable memory that is not ours.
    Kept,
    /// Anything else; not necessarily memory.
    Other,
}

/// A region of the memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where.
    pub span: Span,
    /// Whose.
    pub kind: Kind,
}

/// The map, sorted by address, without overlaps.
#[derive(Clone, Debug, Default)]
pub struct MemoryMap {
    regions: Vec<Region>,
}

impl MemoryMap {
    /// Sorts, cuts to whole pages and joins neighbours of one kind. Of two regions that overlap,
    /// which no honest firmware reports, the later loses the part they share.
    #[must_use]
    pub fn new(mut regions: Vec<Region>) -> Self {
        regions.sort_by_key(|region| region.span.start);
        let mut sorted: Vec<Region> = Vec::with_capacity(regions.len());
        for region in regions {
            let floor = sorted.last().map_or(0, |last| last.span.end);
            let span = Span {
                start: region.span.start.max(floor).next_multiple_of(PAGE),
                end: region.span.end / PAGE * PAGE,
            };
            if span.is_empty() {
                continue;
            }
            match sorted.last_mut() {
                Some(last) if last.kind == region.kind && last.span.end == span.start => {
                    last.span.end = span.end;
                }
                _ => sorted.push(Region {
                    span,
                    kind: region.kind,
                }),
            }
        }
        Self { regions: sorted }
    }

    /// The spans of a kind.
    pub fn spans(&self, kind: Kind) -> impl Iterator<Item = Span> {
        self.regions
            .iter()
            .filter(move |region| region.kind == kind)
            .map(|region| region.span)
    }

    /// All memory, whosever it is, neighbours joined.
    #[must_use]
    pub fn memory(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for region in self
            .regions
            .iter()
            .filter(|region| region.kind != Kind::Other)
        {
            match spans.last_mut() {
                Some(last) if last.end == region.span.start => last.end = region.span.end,
                _ => spans.push(region.span),
            }
        }
        spans
    }

    /// Bytes of memory that are the kernel's now or later.
    #[must_use]
    pub fn usable_bytes(&self) -> u64 {
        let ours =
            |region: &&Region| matches!(region.kind, Kind::Free | Kind::Firmware | Kind::Kernel);
        self.regions
            .iter()
            .filter(ours)
            .map(|region| region.span.len())
            .sum()
    }

    /// A free page below `limit`, page 0 excepted.
    #[must_use]
    pub fn free_page_below(&self, limit: u64) -> Option<u64> {
        let page = |span: Span| (span.start + PAGE <= span.end.min(limit)).then_some(span.start);
        self.spans(Kind::Free)
            .map(|span| span.above(PAGE))
            .find_map(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn region(start: u64, end: u64, kind: Kind) -> Region {
        Region {
            span: Span { start, end },
            kind,
        }
    }

    #[test]
    fn regions_are_sorted_joined_and_cut_to_pages() {
        let map = MemoryMap::new(vec![
            region(0x5000, 0x8000, Kind::Free),
            region(0x0000, 0x2000, Kind::Free),
            region(0x2000, 0x3000, Kind::Free),
            region(0x3000, 0x3fff, Kind::Kept),
            region(0x8000, 0x9000, Kind::Other),
        ]);
        let free: Vec<Span> = map.spans(Kind::Free).collect();
        assert_eq!(
            free,
            [
                Span {
                    start: 0,
                    end: 0x3000
                },
                Span {
                    start: 0x5000,
                    end: 0x8000
                }
            ]
        );
        assert_eq!(map.spans(Kind::Kept).count(), 0);
        assert_eq!(map.memory(), free);
        assert_eq!(map.usable_bytes(), 0x6000);
    }

    #[test]
    fn overlap_is_given_to_the_first() {
        let map = MemoryMap::new(vec![
            region(0x1000, 0x4000, Kind::Kept),
            region(0x2000, 0x6000, Kind::Free),
        ]);
        assert_eq!(
            map.spans(Kind::Free).next(),
            Some(Span {
                start: 0x4000,
                end: 0x6000
            })
        );
    }

    #[test]
    fn the_null_page_is_never_a_free_page() {
        let map = MemoryMap::new(vec![region(0, 0x3000, Kind::Free)]);
        assert_eq!(map.free_page_below(1 << 20), Some(0x1000));
        assert_eq!(map.free_page_below(0x1000), None);
    }
}
