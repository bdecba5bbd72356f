//! The few places that speak to the vector units: AES rounds, Argon2's block function, and the
//! arithmetic in a chosen rounding mode. Each has a safe wrapper here; what the CPU lacks falls
//! back to portable code.
#![allow(unsafe_code)]

mod aes;
mod argon;
pub mod cpu;
pub mod float;

use super::aes_constants::{Column, State};
use cpu::Features;

pub use argon::{BLOCK_WORDS, Block};

/// Writes `blocks[at]` = G(`blocks[previous]`, `blocks[reference]`), XORed onto the old content if
/// `keep` (Argon2 section 3.5).
///
/// # Panics
///
/// If an index is out of range, or two are the same.
pub fn argon_block(blocks: &mut [Block], at: usize, previous: usize, reference: usize, keep: bool) {
    let disjoint = blocks.get_disjoint_mut([at, previous, reference]);
    let [out, x, y] = disjoint.expect("Argon2 refers to neither the block before nor this one");
    if Features::get().avx2 {
        // SAFETY: the CPU has AVX2 and the system saves its registers (checked above).
        unsafe { argon::compress_avx2(out, x, y, keep) }
    } else {
        argon::compress(out, x, y, keep);
    }
}

/// `AesGenerator1R` by the CPU's AES unit; false, and nothing done, if it has none.
pub fn fill_1r(state: &mut State, out: &mut [State]) -> bool {
    if !Features::get().aes {
        return false;
    }
    // SAFETY: the CPU has AES-NI (checked above).
    unsafe { aes::fill_1r(state, out) }
    true
}

/// `AesGenerator4R` by the CPU's AES unit; false, and nothing done, if it has none.
pub fn fill_4r(state: &mut State, out: &mut [State]) -> bool {
    if !Features::get().aes {
        return false;
    }
    // SAFETY: the CPU has AES-NI (checked above).
    unsafe { aes::fill_4r(state, out) }
    true
}

/// `AesHash1R` by the CPU's AES unit; `None` if it has none.
pub fn hash_1r(input: &[State]) -> Option<State> {
    // SAFETY: the CPU has AES-NI (checked in the same line).
    Features::get().aes.then(|| unsafe { aes::hash_1r(input) })
}

/// `AesHash1R` of `pad` fused with `AesGenerator1R` filling it anew from `state`; `None`, and
/// nothing done, if the CPU has no AES unit.
pub fn hash_and_fill_1r(state: &mut State, pad: &mut [State]) -> Option<State> {
    // SAFETY: the CPU has AES-NI (checked in the same line).
    Features::get()
        .aes
        .then(|| unsafe { aes::hash_and_fill_1r(state, pad) })
}

/// One hardware AES round on a column, for tests of the portable one; `None` without AES unit.
pub fn aes_round(column: Column, key: Column, encrypt: bool) -> Option<Column> {
    // SAFETY: the CPU has AES-NI (checked in the same line).
    Features::get()
        .aes
        .then(|| unsafe { aes::round(column, key, encrypt) })
}
