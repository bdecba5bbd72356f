//! Sizes and field offsets of the archived structs, in bytes (AIR spec section 6.2).

pub(super) const ALIGN: usize = 4;

pub(super) mod root {
    pub(crate) const SIZE: usize = 60;
    pub(crate) const TRACE: usize = 0;
    pub(crate) const LAST_CALL_REQUEST_ID: usize = 8;
    pub(crate) const VALUES: usize = 12;
    pub(crate) const TETRAPLETS: usize = 20;
    pub(crate) const CANON_ELEMENTS: usize = 28;
    pub(crate) const CANON_RESULTS: usize = 36;
    pub(crate) const SERVICE_RESULTS: usize = 44;
    pub(crate) const SIGNATURES: usize = 52;
}

/// A pointer (4 bytes) and a length in bytes: boxed and shared texts and byte strings.
pub(super) const FAT: usize = 8;
/// A text: inline up to 7 bytes, else length and offset.
pub(super) const STR: usize = 8;
pub(super) const STR_INLINE: usize = 7;
/// A store's key and the pointer to its value.
pub(super) const ENTRY: usize = 12;
pub(super) const ENTRY_VALUE: usize = 8;
pub(super) const SIGNATURE: usize = 16;
pub(super) const TETRAPLET: usize = 4 * STR;
pub(super) const CANON_ELEMENT: usize = 28;
pub(super) const CANON_RESULT: usize = 16;
pub(super) const SERVICE_RESULT: usize = 24;
pub(super) const STATE: usize = 24;
pub(super) const LORE: usize = 12;
pub(super) const SUB_TRACE: usize = 8;

/// Tags of the enums.
pub(super) mod tag {
    pub(crate) const PAR: u8 = 0;
    pub(crate) const CALL: u8 = 1;
    pub(crate) const FOLD: u8 = 2;
    pub(crate) const AP: u8 = 3;
    pub(crate) const CANON: u8 = 4;

    pub(crate) const CALL_SENT_BY: u8 = 0;
    pub(crate) const CALL_EXECUTED: u8 = 1;
    pub(crate) const CALL_FAILED: u8 = 2;

    pub(crate) const SENDER_PEER: u8 = 0;
    pub(crate) const SENDER_PEER_WITH_CALL_ID: u8 = 1;

    pub(crate) const VALUE_SCALAR: u8 = 0;
    pub(crate) const VALUE_STREAM: u8 = 1;
    pub(crate) const VALUE_UNUSED: u8 = 2;

    pub(crate) const CANON_SENT_BY: u8 = 0;
    pub(crate) const CANON_EXECUTED: u8 = 1;

    pub(crate) const LITERAL: u8 = 0;
    pub(crate) const SERVICE_RESULT: u8 = 1;
    pub(crate) const CANON_PROVENANCE: u8 = 2;
}
