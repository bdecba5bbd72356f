//! AES rounds as a generator of bytes and as a fingerprint (RandomX specification sections
//! 3.2-3.4).
//!
//! All work on 64-byte states of four 16-byte columns. The CPU's AES unit does them where there is
//! one; [`soft`] is the same by tables.

pub mod soft;

use super::simd;

pub use super::aes_constants::{Column, State};

/// `AesGenerator1R`: fills `out`, and leaves the generator's last state in `state`.
pub fn fill_1r(state: &mut State, out: &mut [State]) {
    if !simd::fill_1r(state, out) {
        soft::fill_1r(state, out);
    }
}

/// `AesGenerator4R`: fills `out`, and leaves the generator's last state in `state`.
pub fn fill_4r(state: &mut State, out: &mut [State]) {
    if !simd::fill_4r(state, out) {
        soft::fill_4r(state, out);
    }
}

/// `AesHash1R` of `input`.
pub fn hash_1r(input: &[State]) -> State {
    simd::hash_1r(input).unwrap_or_else(|| soft::hash_1r(input))
}

/// `AesHash1R` of `pad`, and in the same pass over the memory `AesGenerator1R` fills it anew.
pub fn hash_and_fill_1r(state: &mut State, pad: &mut [State]) -> State {
    simd::hash_and_fill_1r(state, pad).unwrap_or_else(|| {
        let hash = soft::hash_1r(pad);
        soft::fill_1r(state, pad);
        hash
    })
}
