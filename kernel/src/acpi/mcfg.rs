//! The MCFG: where PCI configuration space lies in memory.

use super::table::{Table, u16_at, u64_at};

/// Allocations start behind the header and eight reserved bytes.
const ALLOCATIONS: usize = 44;
const ALLOCATION_LEN: usize = 16;

/// Configuration space of some buses of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcamRegion {
    /// Physical address of bus 0, device 0, function 0, register 0, even if `first_bus` is not 0.
    pub base: u64,
    /// PCI segment.
    pub segment: u16,
    /// First bus of the region.
    pub first_bus: u8,
    /// Last bus of the region.
    pub last_bus: u8,
}

/// The regions that make sense.
pub fn regions(table: Table<'_>) -> impl Iterator<Item = EcamRegion> {
    let allocations = table.bytes().get(ALLOCATIONS..).unwrap_or(&[]);
    allocations
        .chunks_exact(ALLOCATION_LEN)
        .filter_map(|allocation| {
            let region = EcamRegion {
                base: u64_at(allocation, 0)?,
                segment: u16_at(allocation, 8)?,
                first_bus: allocation[10],
                last_bus: allocation[11],
            };
            let end = region
                .base
                .checked_add((u64::from(region.last_bus) + 1) << 20)?;
            let is_sane = region.base != 0
                && region.base.is_multiple_of(1 << 20)
                && region.first_bus <= region.last_bus
                && end < 1 << 52;
            is_sane.then_some(region)
        })
}
