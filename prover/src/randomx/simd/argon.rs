//! Argon2's blocks and its compression function G (RFC 9106, section 3.5).

use core::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_loadu_si256, _mm256_mul_epu32, _mm256_permute2x128_si256,
    _mm256_permute4x64_epi64, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_shuffle_epi32,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_xor_si256,
};

/// 64-bit words of a block.
pub const BLOCK_WORDS: usize = 128;

/// A block of 1 KiB.
pub type Block = [u64; BLOCK_WORDS];

/// Writes G(x, y) to `out`, on top of its content if `keep`.
pub(super) fn compress(out: &mut Block, x: &Block, y: &Block, keep: bool) {
    let mixed: Block = core::array::from_fn(|i| x[i] ^ y[i]);
    let mut z = mixed;
    for row in 0..8 {
        permute(&mut z, |i| 16 * row + i);
    }
    for column in 0..8 {
        permute(&mut z, |i| 2 * column + i / 2 * 16 + i % 2);
    }
    for i in 0..BLOCK_WORDS {
        let old = if keep { out[i] } else { 0 };
        out[i] = old ^ z[i] ^ mixed[i];
    }
}

/// One Blake2b round without message on the 16 words that `place` selects.
fn permute(z: &mut Block, place: impl Fn(usize) -> usize) {
    let mut v: [u64; 16] = core::array::from_fn(|i| z[place(i)]);
    for i in 0..4 {
        quarter(&mut v, i, 4 + i, 8 + i, 12 + i);
    }
    for i in 0..4 {
        quarter(
            &mut v,
            i,
            4 + (i + 1) % 4,
            8 + (i + 2) % 4,
            12 + (i + 3) % 4,
        );
    }
    for (i, word) in v.iter().enumerate() {
        z[place(i)] = *word;
    }
}

fn quarter(v: &mut [u64; 16], a: usize, b: usize, c: usize, d: usize) {
    let mul_add = |x: u64, y: u64| {
        let low = u64::from(x as u32).wrapping_mul(u64::from(y as u32));
        x.wrapping_add(y).wrapping_add(low.wrapping_mul(2))
    };
    for (first, second) in [(32, 24), (16, 63)] {
        v[a] = mul_add(v[a], v[b]);
        v[d] = (v[d] ^ v[a]).rotate_right(first);
        v[c] = mul_add(v[c], v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(second);
    }
}

/// [`compress`] with four words per register.
#[target_feature(enable = "avx2")]
pub(super) fn compress_avx2(out: &mut Block, x: &Block, y: &Block, keep: bool) {
    let load = |block: &Block, i: usize| {
        // SAFETY: `i < 32`, so the four words at `4 * i` lie inside the block of 128.
        unsafe { _mm256_loadu_si256(block.as_ptr().add(4 * i).cast()) }
    };
    let mixed = |i: usize| _mm256_xor_si256(load(x, i), load(y, i));
    let mut z: [__m256i; 32] = core::array::from_fn(mixed);
    for row in z.as_chunks_mut::<4>().0 {
        round_avx2(row);
    }
    // A register of row r holds the pairs of columns 2k and 2k + 1; two registers of neighbouring
    // rows, halves exchanged, give the four words that a column round wants side by side.
    for k in 0..4 {
        let mut left = [z[0]; 4];
        let mut right = left;
        for i in 0..4 {
            let (upper, lower) = (z[8 * i + k], z[8 * i + 4 + k]);
            left[i] = _mm256_permute2x128_si256::<0x20>(upper, lower);
            right[i] = _mm256_permute2x128_si256::<0x31>(upper, lower);
        }
        round_avx2(&mut left);
        round_avx2(&mut right);
        for i in 0..4 {
            z[8 * i + k] = _mm256_permute2x128_si256::<0x20>(left[i], right[i]);
            z[8 * i + 4 + k] = _mm256_permute2x128_si256::<0x31>(left[i], right[i]);
        }
    }
    for (i, word) in z.into_iter().enumerate() {
        let mut word = _mm256_xor_si256(word, mixed(i));
        if keep {
            word = _mm256_xor_si256(word, load(out, i));
        }
        // SAFETY: `i < 32`, so the four words at `4 * i` lie inside the block of 128.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(4 * i).cast(), word) };
    }
}

/// A Blake2b round: the four quarters of columns side by side, then those of diagonals.
#[inline]
#[target_feature(enable = "avx2")]
fn round_avx2(v: &mut [__m256i; 4]) {
    quarters_avx2(v);
    v[1] = _mm256_permute4x64_epi64::<0b00_11_10_01>(v[1]);
    v[2] = _mm256_permute4x64_epi64::<0b01_00_11_10>(v[2]);
    v[3] = _mm256_permute4x64_epi64::<0b10_01_00_11>(v[3]);
    quarters_avx2(v);
    v[1] = _mm256_permute4x64_epi64::<0b10_01_00_11>(v[1]);
    v[2] = _mm256_permute4x64_epi64::<0b01_00_11_10>(v[2]);
    v[3] = _mm256_permute4x64_epi64::<0b00_11_10_01>(v[3]);
}

#[inline]
#[target_feature(enable = "avx2")]
fn quarters_avx2([a, b, c, d]: &mut [__m256i; 4]) {
    let rotate_24 = _mm256_setr_epi8(
        3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, //
        3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
    );
    let rotate_16 = _mm256_setr_epi8(
        2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, //
        2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
    );
    *a = mul_add_avx2(*a, *b);
    *d = _mm256_shuffle_epi32::<0b10_11_00_01>(_mm256_xor_si256(*d, *a));
    *c = mul_add_avx2(*c, *d);
    *b = _mm256_shuffle_epi8(_mm256_xor_si256(*b, *c), rotate_24);
    *a = mul_add_avx2(*a, *b);
    *d = _mm256_shuffle_epi8(_mm256_xor_si256(*d, *a), rotate_16);
    *c = mul_add_avx2(*c, *d);
    let x = _mm256_xor_si256(*b, *c);
    // Rotation by 63 is rotation left by one: the doubled word plus its old top bit.
    let top = _mm256_srli_epi64::<63>(x);
    *b = _mm256_xor_si256(_mm256_add_epi64(x, x), top);
}

#[inline]
#[target_feature(enable = "avx2")]
fn mul_add_avx2(x: __m256i, y: __m256i) -> __m256i {
    let low = _mm256_mul_epu32(x, y);
    _mm256_add_epi64(_mm256_add_epi64(x, y), _mm256_add_epi64(low, low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_and_portable_code_agree() {
        if !super::super::Features::get().avx2 {
            return;
        }
        let mut word = 1_u64;
        let mut next = || {
            word = word
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            word ^ word >> 29
        };
        for keep in [false, true] {
            let [x, y]: [Block; 2] = [(); 2].map(|()| core::array::from_fn(|_| next()));
            let mut portable: Block = core::array::from_fn(|_| next());
            let mut vector = portable;
            compress(&mut portable, &x, &y, keep);
            // SAFETY: the CPU has AVX2 (checked above).
            unsafe { compress_avx2(&mut vector, &x, &y, keep) };
            assert_eq!(portable, vector);
        }
    }
}
