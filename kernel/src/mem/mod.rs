//! Memory: what the firmware left ([`map`]), whose pages are whose ([`frames`]), how they are seen
//! ([`paging`]), and what stands on them ([`heap`], [`stack`], [`mmio`]).
//!
//! The kernel lives in one address space in which virtual and physical addresses are the same.

pub mod bytes;
pub mod frames;
pub mod heap;
pub mod image;
pub mod map;
pub mod mmio;
pub mod paging;
pub mod space;
pub mod stack;

/// Smallest page, in bytes.
pub const PAGE: u64 = 4096;
/// Page mapped by a level-2 entry, in bytes.
pub const LARGE_PAGE: u64 = 2 << 20;
/// Page mapped by a level-3 entry, in bytes.
pub const HUGE_PAGE: u64 = 1 << 30;
