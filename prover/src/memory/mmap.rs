//! Anonymous mappings of a Unix kernel, with transparent or reserved huge pages.

use super::region::{Memory, OutOfMemory, Purpose, Region};
use core::ptr::{self, NonNull};

/// Which pages to ask for. What the kernel grants can be smaller for [`PageSize::Transparent`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageSize {
    /// The base page of 4 KiB.
    Small,
    /// 2 MiB where the kernel finds them by itself; asks for nothing to be set up.
    #[default]
    Transparent,
    /// 2 MiB from the reserved pool (`vm.nr_hugepages`).
    Reserved2M,
    /// 1 GiB from the reserved pool, for the dataset only; 2 MiB for the rest.
    Reserved1G,
}

/// The Unix kernel as a lender.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mmap {
    /// Pages for everything but code.
    pub pages: PageSize,
}

const SMALL: usize = 4 << 10;
const HUGE: usize = 2 << 20;
const GIANT: usize = 1 << 30;

impl Mmap {
    fn page(self, purpose: Purpose) -> (usize, libc::c_int) {
        match (purpose, self.pages) {
            (Purpose::Code, _) | (_, PageSize::Small) => (SMALL, 0),
            (_, PageSize::Transparent) => (HUGE, 0),
            (Purpose::Dataset, PageSize::Reserved1G) => {
                (GIANT, libc::MAP_HUGETLB | libc::MAP_HUGE_1GB)
            }
            (_, PageSize::Reserved2M | PageSize::Reserved1G) => {
                (HUGE, libc::MAP_HUGETLB | libc::MAP_HUGE_2MB)
            }
        }
    }
}

fn unmap(start: NonNull<u8>, len: usize, page: usize) {
    // SAFETY: exactly the part of the mapping that `lend` kept for this region, which is gone.
    unsafe { libc::munmap(start.as_ptr().cast(), len.max(1).next_multiple_of(page)) };
}

fn unmap_small(start: NonNull<u8>, len: usize) {
    unmap(start, len, SMALL);
}

fn unmap_huge(start: NonNull<u8>, len: usize) {
    unmap(start, len, HUGE);
}

fn unmap_giant(start: NonNull<u8>, len: usize) {
    unmap(start, len, GIANT);
}

impl Memory for Mmap {
    fn lend(&self, purpose: Purpose, bytes: usize) -> Result<Region, OutOfMemory> {
        let none = OutOfMemory { purpose, bytes };
        let (page, flags) = self.page(purpose);
        let len = bytes.max(1).checked_next_multiple_of(page).ok_or(none)?;
        // Reserved pages come aligned; for transparent ones map one page more and cut.
        let slack = if flags == 0 && page > SMALL { page } else { 0 };
        let access = match purpose {
            Purpose::Code => libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
            _ => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: a new anonymous mapping wherever the kernel likes touches nothing that exists.
        let raw = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len + slack,
                access,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags,
                -1,
                0,
            )
        };
        if raw == libc::MAP_FAILED {
            return Err(none);
        }
        let raw: *mut u8 = raw.cast();
        let head = raw.align_offset(page);
        let start = raw.wrapping_add(head);
        // SAFETY: both cuts lie inside the mapping made above (`head < page <= slack + len`) and
        // outside the `len` bytes kept; the advice concerns only the bytes kept.
        unsafe {
            if head > 0 {
                libc::munmap(raw.cast(), head);
            }
            if slack > head {
                libc::munmap(start.add(len).cast(), slack - head);
            }
            match self.pages {
                PageSize::Small => libc::madvise(start.cast(), len, libc::MADV_NOHUGEPAGE),
                _ if slack > 0 => libc::madvise(start.cast(), len, libc::MADV_HUGEPAGE),
                _ => 0,
            };
        }
        let release = match page {
            SMALL => unmap_small,
            HUGE => unmap_huge,
            _ => unmap_giant,
        };
        let start = NonNull::new(start).ok_or(none)?;
        // SAFETY: fresh zeroed pages, page-aligned, ours alone until `release` unmaps them.
        Ok(unsafe { Region::from_raw(start, bytes, release) })
    }
}
