//! Who owns which memory while the firmware's drivers are in use.

use alloc::vec::Vec;

use uefi::boot::{self, AllocateType, MemoryType};
use uefi::mem::memory_map::MemoryMap as _;

use crate::boot::descriptors::{kind_of, span_of};
use crate::mem::PAGE;
use crate::mem::map::{Kind, MemoryMap, Region, Span};

/// What the firmware keeps of the free memory, for its drivers.
const RESERVE: u64 = 32 << 20;
/// Memory below this is left to the firmware but for the page that cores start in.
const LOW_MEMORY: u64 = 1 << 20;

/// Takes the free memory from the firmware but for its reserve, and says whose the rest is.
pub(in crate::boot) fn take_memory() -> MemoryMap {
    let Ok(descriptors) = boot::memory_map(MemoryType::LOADER_DATA) else {
        return MemoryMap::default();
    };
    let mut regions: Vec<Region> = Vec::with_capacity(descriptors.entries().len() + 2);
    for descriptor in descriptors.entries() {
        let kind = match kind_of(descriptor.ty) {
            // The boot services go on.
            Kind::Firmware | Kind::Free => Kind::Kept,
            kind => kind,
        };
        let span = span_of(descriptor);
        let free = descriptor.ty == MemoryType::CONVENTIONAL && span.start >= LOW_MEMORY;
        let kind = if free { Kind::Free } else { kind };
        regions.push(Region { span, kind });
    }
    drop(descriptors);
    leave_reserve(&mut regions);
    for region in regions
        .iter_mut()
        .filter(|region| region.kind == Kind::Free)
    {
        if !claim(region.span) {
            region.kind = Kind::Kept;
        }
    }
    let low = AllocateType::MaxAddress(LOW_MEMORY - 1);
    if let Ok(page) = boot::allocate_pages(low, MemoryType::LOADER_DATA, 1) {
        let start = page.as_ptr().expose_provenance() as u64;
        let page = Span {
            start,
            end: start + PAGE,
        };
        cut(&mut regions, page);
    }
    MemoryMap::new(regions)
}

/// Cuts the reserve off the largest free region.
fn leave_reserve(regions: &mut Vec<Region>) {
    let largest = regions
        .iter_mut()
        .filter(|region| region.kind == Kind::Free)
        .max_by_key(|region| region.span.len());
    if let Some(region) = largest {
        let reserve = RESERVE.min(region.span.len() / 2 / PAGE * PAGE);
        region.span.end -= reserve;
        let kept = Span {
            start: region.span.end,
            end: region.span.end + reserve,
        };
        regions.push(Region {
            span: kept,
            kind: Kind::Kept,
        });
    }
}

/// Makes `page` a free region of its own.
fn cut(regions: &mut Vec<Region>, page: Span) {
    let around = regions
        .iter_mut()
        .find(|region| region.span.start <= page.start && page.end <= region.span.end);
    if let Some(region) = around {
        let after = Region {
            span: Span {
                start: page.end,
                end: region.span.end,
            },
            kind: region.kind,
        };
        region.span.end = page.start;
        regions.extend([
            Region {
                span: page,
                kind: Kind::Free,
            },
            after,
        ]);
    }
}

fn claim(span: Span) -> bool {
    let at = AllocateType::Address(span.start);
    let count = (span.len() / PAGE) as usize;
    boot::allocate_pages(at, MemoryType::LOADER_DATA, count).is_ok()
}
