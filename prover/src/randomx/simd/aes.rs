//! RandomX's AES generators and fingerprint on the CPU's AES unit.

use crate::randomx::aes_constants::{Column, HASH_KEYS, HASH_STATE, KEYS_1R, KEYS_4R, State};
use core::arch::x86_64::{
    __m128i, _MM_HINT_T0, _mm_aesdec_si128, _mm_aesenc_si128, _mm_loadu_si128, _mm_prefetch,
    _mm_storeu_si128,
};

type Columns = [__m128i; 4];

/// How far ahead of the fused pass to fetch, in states: 64 are 4 KiB.
const AHEAD: usize = 64;

#[inline]
fn load(state: &State) -> Columns {
    core::array::from_fn(|i| {
        // SAFETY: `i < 4`, so the 16 bytes at `16 * i` lie inside the state; unaligned load.
        unsafe { _mm_loadu_si128(state.as_ptr().add(16 * i).cast()) }
    })
}

#[inline]
fn store(state: &mut State, columns: Columns) {
    for (i, column) in columns.into_iter().enumerate() {
        // SAFETY: `i < 4`, so the 16 bytes at `16 * i` lie inside the state; unaligned store.
        unsafe { _mm_storeu_si128(state.as_mut_ptr().add(16 * i).cast(), column) };
    }
}

#[inline]
fn constant(value: u128) -> __m128i {
    let bytes = value.to_be_bytes();
    // SAFETY: 16 bytes, unaligned load.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// A generator's step: columns 0 and 2 go backwards, 1 and 3 forwards.
#[inline]
#[target_feature(enable = "aes")]
fn generate([a, b, c, d]: Columns, keys: Columns) -> Columns {
    [
        _mm_aesdec_si128(a, keys[0]),
        _mm_aesenc_si128(b, keys[1]),
        _mm_aesdec_si128(c, keys[2]),
        _mm_aesenc_si128(d, keys[3]),
    ]
}

/// A fingerprint's step: columns 0 and 2 go forwards, 1 and 3 backwards.
#[inline]
#[target_feature(enable = "aes")]
fn absorb([a, b, c, d]: Columns, keys: Columns) -> Columns {
    [
        _mm_aesenc_si128(a, keys[0]),
        _mm_aesdec_si128(b, keys[1]),
        _mm_aesenc_si128(c, keys[2]),
        _mm_aesdec_si128(d, keys[3]),
    ]
}

#[inline]
#[target_feature(enable = "aes")]
fn finish(mut hash: Columns) -> State {
    for key in HASH_KEYS {
        hash = absorb(hash, [constant(key); 4]);
    }
    let mut out = [0; 64];
    store(&mut out, hash);
    out
}

#[target_feature(enable = "aes")]
pub(super) fn round(column: Column, key: Column, encrypt: bool) -> Column {
    let (x, k) = (
        constant(u128::from_be_bytes(column)),
        constant(u128::from_be_bytes(key)),
    );
    let x = if encrypt {
        _mm_aesenc_si128(x, k)
    } else {
        _mm_aesdec_si128(x, k)
    };
    let mut out = [0; 16];
    // SAFETY: 16 bytes, unaligned store.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), x) };
    out
}

#[target_feature(enable = "aes")]
pub(super) fn fill_1r(state: &mut State, out: &mut [State]) {
    let keys = KEYS_1R.map(constant);
    let mut columns = load(state);
    for block in out {
        columns = generate(columns, keys);
        store(block, columns);
    }
    store(state, columns);
}

#[target_feature(enable = "aes")]
pub(super) fn fill_4r(state: &mut State, out: &mut [State]) {
    let keys = KEYS_4R.map(constant);
    let mut columns = load(state);
    for block in out {
        for i in 0..4 {
            columns = generate(columns, [keys[i], keys[i], keys[4 + i], keys[4 + i]]);
        }
        store(block, columns);
    }
    store(state, columns);
}

#[target_feature(enable = "aes")]
pub(super) fn hash_1r(input: &[State]) -> State {
    let mut hash = HASH_STATE.map(constant);
    for block in input {
        hash = absorb(hash, load(block));
    }
    finish(hash)
}

#[target_feature(enable = "aes")]
pub(super) fn hash_and_fill_1r(state: &mut State, pad: &mut [State]) -> State {
    let keys = KEYS_1R.map(constant);
    let mut hash = HASH_STATE.map(constant);
    let mut columns = load(state);
    for block in pad {
        _mm_prefetch::<_MM_HINT_T0>((&raw const *block).wrapping_add(AHEAD).cast());
        hash = absorb(hash, load(block));
        columns = generate(columns, keys);
        store(block, columns);
    }
    store(state, columns);
    finish(hash)
}
