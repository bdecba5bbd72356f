//! Copying, filling and comparing bytes: the insides of the functions that compiled code calls by
//! name.
//!
//! The loops are assembly: the compiler would turn a loop that copies into a call of the function
//! it stands in. Sixteen bytes at a time serve all sizes well, on the metal and under emulation,
//! where string instructions are slow.

use core::arch::asm;

/// Copies `len` bytes forwards: right for ranges that do not overlap, or whose target lies lower.
///
/// # Safety
/// Both ranges are valid for `len` bytes.
#[inline(always)]
pub unsafe fn copy_forwards(target: *mut u8, source: *const u8, len: usize) {
    // SAFETY: 64-byte, 16-byte and single-byte steps cover exactly `len` bytes of both ranges; each
    // step loads before it stores, so a lower target is never read after it was overwritten.
    unsafe {
        asm!(
            "cmp {len}, 64",
            "jb 3f",
            "2:",
            "movups {a}, [{source}]",
            "movups {b}, [{source} + 16]",
            "movups {c}, [{source} + 32]",
            "movups {d}, [{source} + 48]",
            "movups [{target}], {a}",
            "movups [{target} + 16], {b}",
            "movups [{target} + 32], {c}",
            "movups [{target} + 48], {d}",
            "add {source}, 64",
            "add {target}, 64",
            "sub {len}, 64",
            "cmp {len}, 64",
            "jae 2b",
            "3:",
            "cmp {len}, 16",
            "jb 5f",
            "4:",
            "movups {a}, [{source}]",
            "movups [{target}], {a}",
            "add {source}, 16",
            "add {target}, 16",
            "sub {len}, 16",
            "cmp {len}, 16",
            "jae 4b",
            "5:",
            "test {len}, {len}",
            "jz 7f",
            "6:",
            "mov {byte}, [{source}]",
            "mov [{target}], {byte}",
            "inc {source}",
            "inc {target}",
            "dec {len}",
            "jnz 6b",
            "7:",
            source = inout(reg) source => _,
            target = inout(reg) target => _,
            len = inout(reg) len => _,
            byte = out(reg_byte) _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Copies `len` bytes backwards: right for ranges whose target lies higher.
///
/// # Safety
/// Both ranges are valid for `len` bytes.
#[inline(always)]
pub unsafe fn copy_backwards(target: *mut u8, source: *const u8, len: usize) {
    // SAFETY: as in `copy_forwards`, from the end: `len` always counts the bytes that are left at
    // the start of both ranges.
    unsafe {
        asm!(
            "cmp {len}, 32",
            "jb 3f",
            "2:",
            "movups {a}, [{source} + {len} - 16]",
            "movups {b}, [{source} + {len} - 32]",
            "movups [{target} + {len} - 16], {a}",
            "movups [{target} + {len} - 32], {b}",
            "sub {len}, 32",
            "cmp {len}, 32",
            "jae 2b",
            "3:",
            "test {len}, {len}",
            "jz 5f",
            "4:",
            "mov {byte}, [{source} + {len} - 1]",
            "mov [{target} + {len} - 1], {byte}",
            "dec {len}",
            "jnz 4b",
            "5:",
            source = in(reg) source,
            target = in(reg) target,
            len = inout(reg) len => _,
            byte = out(reg_byte) _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Sets `len` bytes to `value`.
///
/// # Safety
/// The range is valid for `len` bytes.
#[inline(always)]
pub unsafe fn fill(target: *mut u8, value: u8, len: usize) {
    let pattern = u64::from(value) * 0x0101_0101_0101_0101;
    // SAFETY: the caller's promise: `len` bytes are valid; the steps cover exactly those.
    unsafe {
        asm!(
            "movq {a}, {pattern}",
            "punpcklqdq {a}, {a}",
            "cmp {len}, 64",
            "jb 3f",
            "2:",
            "movups [{at}], {a}",
            "movups [{at} + 16], {a}",
            "movups [{at} + 32], {a}",
            "movups [{at} + 48], {a}",
            "add {at}, 64",
            "sub {len}, 64",
            "cmp {len}, 64",
            "jae 2b",
            "3:",
            "cmp {len}, 16",
            "jb 5f",
            "4:",
            "movups [{at}], {a}",
            "add {at}, 16",
            "sub {len}, 16",
            "cmp {len}, 16",
            "jae 4b",
            "5:",
            "test {len}, {len}",
            "jz 7f",
            "6:",
            "mov [{at}], {value}",
            "inc {at}",
            "dec {len}",
            "jnz 6b",
            "7:",
            at = inout(reg) target => _,
            len = inout(reg) len => _,
            pattern = in(reg) pattern,
            value = in(reg_byte) value,
            a = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Compares two ranges by their first difference: negative, zero or positive, as `memcmp`.
///
/// # Safety
/// Both ranges are valid for `len` bytes.
#[inline(always)]
#[must_use]
pub unsafe fn compare(left: *const u8, right: *const u8, len: usize) -> i32 {
    let mut at = 0;
    while at + 8 <= len {
        // SAFETY: the eight bytes lie within both ranges, which the caller promises are valid.
        let (a, b) = unsafe {
            (
                left.add(at).cast::<u64>().read_unaligned(),
                right.add(at).cast::<u64>().read_unaligned(),
            )
        };
        if a != b {
            // The lowest address decides, which is the highest byte in big-endian order.
            return if a.swap_bytes() < b.swap_bytes() {
                -1
            } else {
                1
            };
        }
        at += 8;
    }
    while at < len {
        // SAFETY: `at < len`, and the caller promises that both ranges are valid.
        let (a, b) = unsafe { (*left.add(at), *right.add(at)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        at += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len)
            .map(|index| (index * 7 + index / 251) as u8)
            .collect()
    }

    proptest! {
        #[test]
        fn moves_within_a_buffer_are_exact(from in 0..300_usize, to in 0..300_usize, len in 0..400_usize) {
            let mut expected = pattern(700);
            let mut moved = expected.clone();
            expected.copy_within(from..from + len, to);
            let base = moved.as_mut_ptr();
            // SAFETY: both ranges lie within the 700 bytes.
            unsafe {
                if to.wrapping_sub(from) >= len {
                    copy_forwards(base.add(to), base.add(from), len);
                } else {
                    copy_backwards(base.add(to), base.add(from), len);
                }
            }
            prop_assert_eq!(moved, expected);
        }

        #[test]
        fn fills_are_exact(start in 0..80_usize, len in 0..400_usize, value: u8) {
            let mut filled = vec![0x5a; 500];
            let mut expected = filled.clone();
            expected[start..start + len].fill(value);
            // SAFETY: the range lies within the 500 bytes.
            unsafe { fill(filled.as_mut_ptr().add(start), value, len) };
            prop_assert_eq!(filled, expected);
        }

        #[test]
        fn comparisons_have_the_sign_of_slices(
            start in 0..9_usize, len in 0..60_usize, at in 0..60_usize, value: u8
        ) {
            let left = pattern(80);
            let mut right = left.clone();
            right[at] = value;
            let expected = left[start..start + len].cmp(&right[start..start + len]) as i32;
            // SAFETY: both ranges lie within the 80 bytes.
            let found = unsafe { compare(left.as_ptr().add(start), right.as_ptr().add(start), len) };
            prop_assert_eq!(found.signum(), expected);
        }
    }
}
