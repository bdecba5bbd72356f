//! Page tables of an identity map: largest pages where they fit, split where rights differ. Code
//! that is made at run time appears a second time, [`CODE_OFFSET`] higher, to be executed there.
//!
//! The tables are ordinary memory whose physical and virtual addresses are the same, so building
//! them works the same on the metal and in a host test.

use core::fmt;

use super::map::Span;
use super::{HUGE_PAGE, LARGE_PAGE, PAGE};

const ENTRIES: usize = 512;

/// Distance from memory to its executable image. Beyond any memory that a machine has, and within
/// the lower half of the addresses that four levels of tables reach.
pub const CODE_OFFSET: u64 = 1 << 46;

mod bit {
    pub(super) const PRESENT: u64 = 1 << 0;
    pub(super) const WRITABLE: u64 = 1 << 1;
    pub(super) const WRITE_THROUGH: u64 = 1 << 3;
    pub(super) const CACHE_DISABLE: u64 = 1 << 4;
    pub(super) const LARGE: u64 = 1 << 7;
    pub(super) const NO_EXECUTE: u64 = 1 << 63;
}

const ADDRESS_MASK: u64 = 0x000f_ffff_ffff_f000;

/// What may be done with a page. None allows writing and executing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and execute: code.
    Execute,
    /// Read only: constants.
    Read,
    /// Read and write: memory.
    Write,
    /// Read and write, uncached: device registers.
    Device,
    /// Read and write, writes combined (page attribute 1): framebuffers.
    Combine,
}

impl Access {
    const fn bits(self) -> u64 {
        use bit::{CACHE_DISABLE, NO_EXECUTE, PRESENT, WRITABLE, WRITE_THROUGH};
        match self {
            Self::Execute => PRESENT,
            Self::Read => PRESENT | NO_EXECUTE,
            Self::Write => PRESENT | WRITABLE | NO_EXECUTE,
            Self::Device => PRESENT | WRITABLE | NO_EXECUTE | CACHE_DISABLE | WRITE_THROUGH,
            Self::Combine => PRESENT | WRITABLE | NO_EXECUTE | WRITE_THROUGH,
        }
    }
}

/// The pages for more tables ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTable;

impl fmt::Display for NoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no page left for a page table")
    }
}

impl core::error::Error for NoTable {}

/// Where tables come from.
///
/// # Safety
/// Every table returned is aligned, `ENTRIES` long, writable for as long as the page tables live,
/// used by nobody else, and its address is physical and virtual at once.
pub unsafe trait TableSource {
    /// A page for a table, with any content.
    fn table(&mut self) -> Option<*mut [u64; ENTRIES]>;
}

/// Page tables under one root.
pub struct PageTables<S> {
    root: *mut [u64; ENTRIES],
    source: S,
    huge_pages: bool,
}

// SAFETY: the tables belong to this value alone; their addresses mean the same on every core.
unsafe impl<S: Send> Send for PageTables<S> {}

/// Bytes that one entry of a level covers: 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB, 3 is 512 GiB.
const fn reach(level: u32) -> u64 {
    PAGE << (9 * level)
}

impl<S: TableSource> PageTables<S> {
    /// Empty tables; `root` is the first table, `huge_pages` allows pages of 1 GiB.
    ///
    /// # Errors
    /// [`NoTable`] if the source has no table for the root.
    pub fn new(
        mut source: S,
        root: Option<*mut [u64; ENTRIES]>,
        huge_pages: bool,
    ) -> Result<Self, NoTable> {
        let root = match root {
            Some(root) => root,
            None => source.table().ok_or(NoTable)?,
        };
        // SAFETY: `TableSource` promises a writable table nobody else uses; a caller's root is
        // taken from the same memory.
        unsafe { root.write([0; ENTRIES]) };
        Ok(Self {
            root,
            source,
            huge_pages,
        })
    }

    /// Physical address of the root, for CR3.
    #[must_use]
    pub fn root(&self) -> u64 {
        self.root.expose_provenance() as u64
    }

    /// Maps `span`, grown to whole pages, onto itself, whatever was mapped there before.
    ///
    /// # Errors
    /// [`NoTable`] if memory for tables ran out; part of the span may be mapped then.
    pub fn map(&mut self, span: Span, access: Access) -> Result<(), NoTable> {
        self.set(span, 0, access.bits())
    }

    /// Maps `span` once more, [`CODE_OFFSET`] higher, to be executed.
    ///
    /// # Errors
    /// [`NoTable`] if memory for tables ran out; part of the span may be mapped then.
    pub fn map_code(&mut self, span: Span) -> Result<(), NoTable> {
        let image = Span {
            start: span.start + CODE_OFFSET,
            end: span.end + CODE_OFFSET,
        };
        self.set(image, CODE_OFFSET, Access::Execute.bits())
    }

    /// Makes every access to `span`, grown to whole pages, fault.
    ///
    /// # Errors
    /// [`NoTable`] if memory for tables ran out; part of the span may be unmapped then.
    pub fn unmap(&mut self, span: Span) -> Result<(), NoTable> {
        self.set(span, 0, 0)
    }

    /// Lets `span` show the memory that lies `offset` lower.
    fn set(&mut self, span: Span, offset: u64, bits: u64) -> Result<(), NoTable> {
        let span = Span {
            start: span.start / PAGE * PAGE,
            end: span.end.next_multiple_of(PAGE),
        };
        if span.is_empty() {
            return Ok(());
        }
        self.fill(self.root, 3, span, offset, bits)
    }

    fn fill(
        &mut self,
        table: *mut [u64; ENTRIES],
        level: u32,
        span: Span,
        offset: u64,
        bits: u64,
    ) -> Result<(), NoTable> {
        let mut at = span.start;
        while at < span.end {
            let next = (at / reach(level) + 1)
                .saturating_mul(reach(level))
                .min(span.end);
            let index = (at / reach(level)) as usize % ENTRIES;
            // SAFETY: `table` came from the source or is the root, and `index < ENTRIES`.
            let entry = unsafe { &mut (*table)[index] };
            let is_table = level > 0 && *entry & bit::PRESENT != 0 && *entry & bit::LARGE == 0;
            if next - at == reach(level) && self.may_be_page(level) && !is_table {
                *entry = leaf(at - offset, level, bits);
            } else {
                if !is_table {
                    *entry = self.split(level, *entry)?;
                }
                let below =
                    core::ptr::with_exposed_provenance_mut((*entry & ADDRESS_MASK) as usize);
                self.fill(
                    below,
                    level - 1,
                    Span {
                        start: at,
                        end: next,
                    },
                    offset,
                    bits,
                )?;
            }
            at = next;
        }
        Ok(())
    }

    const fn may_be_page(&self, level: u32) -> bool {
        level < 2 || (level == 2 && self.huge_pages)
    }

    /// A table that says the same as the page or the nothing in `entry`.
    fn split(&mut self, level: u32, entry: u64) -> Result<u64, NoTable> {
        let table = self.source.table().ok_or(NoTable)?;
        let start = entry & ADDRESS_MASK;
        let bits = entry & !(ADDRESS_MASK | bit::LARGE);
        let step = reach(level - 1);
        // SAFETY: a fresh table of the source.
        let entries = unsafe {
            table.write([0; ENTRIES]);
            &mut *table
        };
        for (index, below) in entries.iter_mut().enumerate() {
            *below = leaf(start + index as u64 * step, level - 1, bits);
        }
        Ok(table.expose_provenance() as u64 | bit::PRESENT | bit::WRITABLE)
    }

    /// What the processor would find at `address`: the page's start, size and access bits.
    #[cfg(test)]
    fn walk(&self, address: u64) -> Option<(u64, u64, u64)> {
        let mut table = self.root;
        for level in (0..4).rev() {
            // SAFETY: as in `fill`.
            let entry = unsafe { (*table)[(address / reach(level)) as usize % ENTRIES] };
            if entry & bit::PRESENT == 0 {
                return None;
            }
            if level == 0 || entry & bit::LARGE != 0 {
                let bits = entry & !(ADDRESS_MASK | bit::LARGE);
                return Some((entry & ADDRESS_MASK, reach(level), bits));
            }
            table = core::ptr::with_exposed_provenance_mut((entry & ADDRESS_MASK) as usize);
        }
        None
    }
}

/// The entry of a page at `address`, or of no page when `bits` are 0.
const fn leaf(address: u64, level: u32, bits: u64) -> u64 {
    if bits == 0 {
        0
    } else if level == 0 {
        address | bits
    } else {
        address | bits | bit::LARGE
    }
}

const _: () = assert!(reach(1) == LARGE_PAGE && reach(2) == HUGE_PAGE);
// Pages of every size are aligned in both places.
const _: () = assert!(CODE_OFFSET.is_multiple_of(reach(3)));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::boxed::Box;

    #[repr(align(4096))]
    struct Table([u64; ENTRIES]);

    /// Tables from the host's heap, never given back.
    struct Leaking {
        left: usize,
    }

    // SAFETY: each table is a fresh leaked box; host tests run with physical = virtual by
    // definition.
    unsafe impl TableSource for Leaking {
        fn table(&mut self) -> Option<*mut [u64; ENTRIES]> {
            self.left = self.left.checked_sub(1)?;
            Some(&raw mut Box::leak(Box::new(Table([u64::MAX; ENTRIES]))).0)
        }
    }

    fn tables(huge_pages: bool) -> PageTables<Leaking> {
        PageTables::new(Leaking { left: 200 }, None, huge_pages).unwrap()
    }

    fn span(start: u64, end: u64) -> Span {
        Span { start, end }
    }

    #[test]
    fn largest_pages_are_used() {
        let mut tables = tables(true);
        tables
            .map(span(PAGE, 3 * HUGE_PAGE), Access::Write)
            .unwrap();
        assert_eq!(
            tables.walk(0x5000),
            Some((0x5000, PAGE, Access::Write.bits()))
        );
        assert_eq!(tables.walk(LARGE_PAGE + 7).unwrap().1, LARGE_PAGE);
        assert_eq!(
            tables.walk(HUGE_PAGE).unwrap(),
            (HUGE_PAGE, HUGE_PAGE, Access::Write.bits())
        );
        assert_eq!(tables.walk(0), None);
        assert_eq!(tables.walk(3 * HUGE_PAGE), None);
    }

    #[test]
    fn without_huge_pages_there_are_none() {
        let mut tables = tables(false);
        tables.map(span(0, 2 * HUGE_PAGE), Access::Write).unwrap();
        assert_eq!(tables.walk(HUGE_PAGE).unwrap().1, LARGE_PAGE);
    }

    #[test]
    fn a_guard_page_splits_only_its_neighbourhood() {
        let mut tables = tables(true);
        tables.map(span(0, 2 * HUGE_PAGE), Access::Write).unwrap();
        let guard = HUGE_PAGE + 5 * LARGE_PAGE + 3 * PAGE;
        tables.unmap(span(guard, guard + PAGE)).unwrap();
        assert_eq!(tables.walk(guard), None);
        assert_eq!(
            tables.walk(guard - 1).unwrap(),
            (guard - PAGE, PAGE, Access::Write.bits())
        );
        assert_eq!(tables.walk(guard + PAGE).unwrap().1, PAGE);
        assert_eq!(
            tables.walk(HUGE_PAGE + 6 * LARGE_PAGE).unwrap().1,
            LARGE_PAGE
        );
        assert_eq!(tables.walk(0).unwrap().1, HUGE_PAGE);
    }

    #[test]
    fn code_has_a_second_place_to_be_executed() {
        let mut tables = tables(true);
        tables.map(span(0, HUGE_PAGE), Access::Write).unwrap();
        let code = span(LARGE_PAGE, 2 * LARGE_PAGE + PAGE);
        tables.map_code(code).unwrap();
        let execute = Access::Execute.bits();
        let large = tables.walk(CODE_OFFSET + LARGE_PAGE + 5);
        assert_eq!(large, Some((LARGE_PAGE, LARGE_PAGE, execute)));
        let small = tables.walk(CODE_OFFSET + 2 * LARGE_PAGE);
        assert_eq!(small, Some((2 * LARGE_PAGE, PAGE, execute)));
        assert_eq!(tables.walk(CODE_OFFSET + 2 * LARGE_PAGE + PAGE), None);
        assert_eq!(tables.walk(LARGE_PAGE).unwrap().2, Access::Write.bits());
    }

    #[test]
    fn no_access_is_writable_and_executable() {
        use Access::{Combine, Device, Execute, Read, Write};
        for access in [Execute, Read, Write, Device, Combine] {
            let bits = access.bits();
            assert!(
                bits & bit::WRITABLE == 0 || bits & bit::NO_EXECUTE != 0,
                "{access:?}"
            );
        }
    }

    #[test]
    fn running_out_of_tables_is_an_error() {
        let mut tables = PageTables::new(Leaking { left: 2 }, None, false).unwrap();
        assert_eq!(tables.map(span(0, PAGE), Access::Read), Err(NoTable));
    }

    proptest! {
        /// The last word on a page counts, and every page maps onto itself.
        #[test]
        fn later_maps_win(
            spans in proptest::collection::vec((0..3000_u64, 1..1500_u64, 0..4_usize), 1..12),
            probes in proptest::collection::vec(0..5000_u64, 20),
        ) {
            let kinds = [Some(Access::Write), Some(Access::Read), Some(Access::Execute), None];
            let mut tables = tables(true);
            for &(start, len, kind) in &spans {
                let span = span(start * PAGE, (start + len) * PAGE);
                match kinds[kind] {
                    Some(access) => tables.map(span, access).unwrap(),
                    None => tables.unmap(span).unwrap(),
                }
            }
            for probe in probes {
                let hit = |&&(start, len, _): &&(u64, u64, usize)| (start..start + len).contains(&probe);
                let expected = spans.iter().rev().find(hit).and_then(|&(_, _, kind)| kinds[kind]);
                let found = tables.walk(probe * PAGE);
                prop_assert_eq!(found.map(|(_, _, bits)| bits), expected.map(Access::bits));
                if let Some((start, size, _)) = found {
                    prop_assert_eq!(start, probe * PAGE / size * size);
                }
            }
        }
    }
}
