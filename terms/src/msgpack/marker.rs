//! The first byte of each value: its type, and for small values its length or the value itself.

/// Largest integer that is its own marker; 0x00 to 0x7f are.
pub(super) const MAX_FIXPOS: u8 = 0x7f;
/// Maps of up to 15 entries: the marker plus their number.
pub(super) const FIXMAP: u8 = 0x80;
/// Arrays of up to 15 elements: the marker plus their number.
pub(super) const FIXARRAY: u8 = 0x90;
/// Strings of up to 31 bytes: the marker plus their length.
pub(super) const FIXSTR: u8 = 0xa0;

pub(super) const NIL: u8 = 0xc0;
/// Given to no type and never used.
pub(super) const RESERVED: u8 = 0xc1;
pub(super) const FALSE: u8 = 0xc2;
pub(super) const TRUE: u8 = 0xc3;
pub(super) const BIN8: u8 = 0xc4;
pub(super) const BIN16: u8 = 0xc5;
pub(super) const BIN32: u8 = 0xc6;
pub(super) const EXT8: u8 = 0xc7;
pub(super) const EXT16: u8 = 0xc8;
pub(super) const EXT32: u8 = 0xc9;
pub(super) const F32: u8 = 0xca;
pub(super) const F64: u8 = 0xcb;
pub(super) const U8: u8 = 0xcc;
pub(super) const U16: u8 = 0xcd;
pub(super) const U32: u8 = 0xce;
pub(super) const U64: u8 = 0xcf;
pub(super) const I8: u8 = 0xd0;
pub(super) const I16: u8 = 0xd1;
pub(super) const I32: u8 = 0xd2;
pub(super) const I64: u8 = 0xd3;
/// Extensions of 1, 2, 4, 8 and 16 bytes have the five markers from here on.
pub(super) const FIXEXT1: u8 = 0xd4;
pub(super) const FIXEXT16: u8 = 0xd8;
pub(super) const STR8: u8 = 0xd9;
pub(super) const STR16: u8 = 0xda;
pub(super) const STR32: u8 = 0xdb;
pub(super) const ARRAY16: u8 = 0xdc;
pub(super) const ARRAY32: u8 = 0xdd;
pub(super) const MAP16: u8 = 0xde;
pub(super) const MAP32: u8 = 0xdf;
/// Integers from -32 to -1 are their own markers, from here on.
pub(super) const FIXNEG: u8 = 0xe0;
