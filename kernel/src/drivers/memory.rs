//! The driver's memory as the models of controllers see it, in tests.

use std::vec;
use std::vec::Vec;

/// Reads what the driver has put into its memory.
pub(super) fn peek(address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let source = core::ptr::with_exposed_provenance::<u8>(address as usize);
    // SAFETY: the driver told the address of its own memory, which is never given back.
    unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(source, len) };
    bytes
}

/// Writes where the driver waits for something.
pub(super) fn poke(address: u64, bytes: &[u8]) {
    let target = core::ptr::with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: as in `peek`.
    unsafe { target.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}
