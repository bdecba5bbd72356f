//! Units of size.

/// Bytes of a MiB.
pub const MIB: u64 = 1 << 20;
