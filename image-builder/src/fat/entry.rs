//! Fields of a directory entry.

pub(super) const SIZE: usize = 32;
pub(super) const ATTRIBUTES: usize = 11;
pub(super) const CREATED: usize = 16;
pub(super) const ACCESSED: usize = 18;
pub(super) const WRITTEN: usize = 24;
pub(super) const CLUSTER: usize = 26;
pub(super) const LENGTH: usize = 28;

pub(super) const VOLUME: u8 = 0x08;
pub(super) const LONG_NAME: u8 = 0x0f;
pub(super) const DIRECTORY: u8 = 0x10;
pub(super) const ARCHIVE: u8 = 0x20;
/// 1 January 1980.
pub(super) const DAY: u16 = 1 << 5 | 1;
