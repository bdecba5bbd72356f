//! Naming data by its pages: two entries in the command, the second of which may name a list of
//! more (NVMe 1.4, section 4.3). Pure.

use super::registers::PAGE;

/// Entries of a list that fills a page.
pub(super) const LISTED: usize = PAGE / 8;

/// The two entries for `len` bytes (at least one) at `address`, when the pages behind the first one
/// also stand in a list at `list`.
pub(super) fn entries(address: u64, len: usize, list: u64) -> [u64; 2] {
    let mut behind = behind_first(address, len);
    let second = match (behind.next(), behind.next()) {
        (None, _) => 0,
        (Some(page), None) => page,
        (Some(_), Some(_)) => list,
    };
    [address, second]
}

/// The pages of the data, the first one aside.
pub(super) fn behind_first(address: u64, len: usize) -> impl Iterator<Item = u64> {
    let page = PAGE as u64;
    let first = address / page * page;
    (first + page..address + len as u64).step_by(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const LIST: u64 = 0xf000;

    #[test]
    fn one_page_two_pages_and_lists() {
        assert_eq!(entries(0x1000, 512, LIST), [0x1000, 0]);
        assert_eq!(entries(0x1000, 4096, LIST), [0x1000, 0]);
        assert_eq!(entries(0x1000, 4097, LIST), [0x1000, 0x2000]);
        assert_eq!(entries(0x1000, 8192, LIST), [0x1000, 0x2000]);
        assert_eq!(entries(0x1000, 8193, LIST), [0x1000, LIST]);
        let pages: Vec<u64> = behind_first(0x1000, 4 * 4096).collect();
        assert_eq!(pages, [0x2000, 0x3000, 0x4000]);
    }

    #[test]
    fn data_may_begin_within_a_page() {
        assert_eq!(entries(0x1e00, 512, LIST), [0x1e00, 0]);
        assert_eq!(entries(0x1e00, 513, LIST), [0x1e00, 0x2000]);
        let pages: Vec<u64> = behind_first(0x1e00, 512 + 2 * 4096 + 1).collect();
        assert_eq!(pages, [0x2000, 0x3000, 0x4000]);
    }
}
