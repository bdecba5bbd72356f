//! A core tests itself: what its instructions compute, and how fast its memory is.
//!
//! Wrong arithmetic is rare, silent, and ruins proofs; so each part is compared with a known
//! answer.

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_loadu_si128, _mm_storeu_si128, _mm256_add_pd, _mm256_loadu_pd,
    _mm256_mul_pd, _mm256_storeu_pd,
};
use core::fmt;
use core::hint::black_box;
use core::time::Duration;

use crate::cpu::features::Features;
use crate::time;

/// Time for each of the two memory measurements.
const MEASURE: Duration = Duration::from_millis(60);

/// A part of the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer was right.
    Right,
    /// The answer was wrong: the core must not be used for this.
    Wrong,
    /// The core does not have this.
    Absent,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Right => "ok",
            Self::Wrong => "WRONG",
            Self::Absent => "absent",
        })
    }
}

/// What a core found out about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreReport {
    /// One AES round against FIPS 197.
    pub aes: Verdict,
    /// Four-lane double arithmetic against scalar arithmetic.
    pub avx: Verdict,
    /// The four rounding modes, which RandomX switches all the time.
    pub rounding: Verdict,
    /// Sequential reads, MiB per second.
    pub read_mib_s: u64,
    /// Sequential copies, MiB per second (each byte is read and written).
    pub copy_mib_s: u64,
    /// How long the test took.
    pub took: Duration,
}

impl CoreReport {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        [self.aes, self.avx, self.rounding]
            .iter()
            .all(|verdict| *verdict != Verdict::Wrong)
    }
}

impl fmt::Display for CoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            aes,
            avx,
            rounding,
            read_mib_s,
            copy_mib_s,
            took,
        } = self;
        write!(
            f,
            "aes {aes}, avx {avx}, rounding {rounding}, memory reads {read_mib_s} MiB/s, copies \
             {copy_mib_s} MiB/s ({} ms)",
            took.as_millis()
        )
    }
}

/// Tests the core this runs on, using `memory` for the measurements.
#[must_use]
pub fn run(memory: &mut [u64]) -> CoreReport {
    let start = time::since_entry();
    let features = Features::detect();
    let verdict = |right| {
        if right {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    };
    let aes = match features.aes {
        // SAFETY: the processor has AES-NI.
        true => verdict(unsafe { aes_round_is_right() }),
        false => Verdict::Absent,
    };
    let avx = match features.avx {
        // SAFETY: the processor has AVX, and `cpu::features::enable` has switched its state on.
        true => verdict(unsafe { avx_is_right() }),
        false => Verdict::Absent,
    };
    let rounding = verdict(rounding_is_right());
    memory.fill(0x0123_4567_89ab_cdef);
    let read_mib_s = rate(memory.len() * 8, || {
        let sum = memory.iter().fold(0_u64, |sum, &word| sum ^ word);
        black_box(sum);
    });
    let (lower, upper) = memory.split_at_mut(memory.len() / 2);
    let copy_mib_s = rate(upper.len() * 8, || {
        lower[..upper.len()].copy_from_slice(upper);
        black_box(&mut *lower);
    });
    let took = time::since_entry().saturating_sub(start);
    CoreReport {
        aes,
        avx,
        rounding,
        read_mib_s,
        copy_mib_s,
        took,
    }
}

/// MiB per second of `pass`, which moves `bytes`, repeated for [`MEASURE`].
fn rate(bytes: usize, mut pass: impl FnMut()) -> u64 {
    let start = time::since_entry();
    let mut passes = 0_u64;
    loop {
        pass();
        passes += 1;
        let took = time::since_entry().saturating_sub(start);
        if took >= MEASURE {
            let moved = passes as u128 * bytes as u128;
            let per_second = moved * 1_000_000_000 / took.as_nanos().max(1);
            return u64::try_from(per_second >> 20).unwrap_or(u64::MAX);
        }
    }
}

/// First round of the example in FIPS 197, appendix B.
#[target_feature(enable = "aes")]
unsafe fn aes_round_is_right() -> bool {
    const START: [u8; 16] = [
        0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b, 0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48,
        0x08,
    ];
    const KEY: [u8; 16] = [
        0xa0, 0xfa, 0xfe, 0x17, 0x88, 0x54, 0x2c, 0xb1, 0x23, 0xa3, 0x39, 0x39, 0x2a, 0x6c, 0x76,
        0x05,
    ];
    const END: [u8; 16] = [
        0xa4, 0x9c, 0x7f, 0xf2, 0x68, 0x9f, 0x35, 0x2b, 0x6b, 0x5b, 0xea, 0x43, 0x02, 0x6a, 0x50,
        0x49,
    ];
    let mut out = [0; 16];
    // SAFETY: the unaligned accesses stay within the three arrays of 16 bytes.
    unsafe {
        let state = _mm_loadu_si128(black_box(&START).as_ptr().cast::<__m128i>());
        let key = _mm_loadu_si128(black_box(&KEY).as_ptr().cast::<__m128i>());
        _mm_storeu_si128(out.as_mut_ptr().cast(), _mm_aesenc_si128(state, key));
    }
    out == END
}

/// The same sums four lanes at once and one by one.
#[target_feature(enable = "avx")]
unsafe fn avx_is_right() -> bool {
    const STEPS: usize = 1000;
    let (mut wide, mut single) = ([1.0, 0.1, -3.5, 1e-9], [1.0, 0.1, -3.5, 1e-9]);
    let (factor, addend) = (
        black_box([1.000_1, 0.999, -0.5, 1.5]),
        black_box([0.3, 1e-3, 7.0, -2.0]),
    );
    // SAFETY: the unaligned accesses stay within arrays of four doubles.
    unsafe {
        let (factor, addend) = (
            _mm256_loadu_pd(factor.as_ptr()),
            _mm256_loadu_pd(addend.as_ptr()),
        );
        let mut lanes = _mm256_loadu_pd(wide.as_ptr());
        for _ in 0..STEPS {
            lanes = _mm256_add_pd(_mm256_mul_pd(lanes, factor), addend);
        }
        _mm256_storeu_pd(wide.as_mut_ptr(), lanes);
    }
    for lane in 0..4 {
        for _ in 0..STEPS {
            single[lane] = black_box(single[lane] * factor[lane]) + addend[lane];
        }
    }
    wide.map(f64::to_bits) == single.map(f64::to_bits)
}

/// One third, rounded to nearest, down, up and towards zero; and its negative.
fn rounding_is_right() -> bool {
    const THIRD: u64 = 0x3fd5_5555_5555_5555;
    const SIGN: u64 = 1 << 63;
    const EXPECTED: [(u64, u64); 4] = [
        (THIRD, THIRD | SIGN),
        (THIRD, (THIRD + 1) | SIGN),
        (THIRD + 1, THIRD | SIGN),
        (THIRD, THIRD | SIGN),
    ];
    (0..4).zip(EXPECTED).all(|(mode, expected)| {
        (
            divide(mode, 1.0, 3.0).to_bits(),
            divide(mode, -1.0, 3.0).to_bits(),
        ) == expected
    })
}

/// Divides with the rounding mode `mode` of MXCSR, which is put back afterwards.
fn divide(mode: u32, dividend: f64, divisor: f64) -> f64 {
    const DEFAULT: u32 = 0x1f80;
    let (with_mode, mut quotient) = (DEFAULT | mode << 13, dividend);
    // SAFETY: the block restores the mode it changes, so code around it sees none of it.
    unsafe {
        asm!(
            "ldmxcsr [{with_mode}]",
            "divsd {quotient}, {divisor}",
            "ldmxcsr [{default}]",
            with_mode = in(reg) &with_mode,
            default = in(reg) &DEFAULT,
            quotient = inout(xmm_reg) quotient,
            divisor = in(xmm_reg) divisor,
            options(nostack, readonly),
        );
    }
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_computes_right() {
        assert!(rounding_is_right());
        if std::arch::is_x86_feature_detected!("aes") {
            // SAFETY: just checked.
            assert!(unsafe { aes_round_is_right() });
        }
        if std::arch::is_x86_feature_detected!("avx") {
            // SAFETY: just checked.
            assert!(unsafe { avx_is_right() });
        }
    }

    #[test]
    fn a_wrong_part_makes_a_core_unsound() {
        let report = CoreReport {
            aes: Verdict::Absent,
            avx: Verdict::Right,
            rounding: Verdict::Right,
            read_mib_s: 1,
            copy_mib_s: 1,
            took: Duration::ZERO,
        };
        assert!(report.is_sound());
        assert!(
            !CoreReport {
                rounding: Verdict::Wrong,
                ..report
            }
            .is_sound()
        );
    }
}
