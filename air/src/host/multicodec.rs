//! The codec in front of raw calls and results.

/// Multicodec of MessagePack as an unsigned varint (0x0201).
pub(super) const MULTICODEC: [u8; 2] = [0x81, 0x04];
