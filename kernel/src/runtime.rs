//! The memory functions that compiled code calls by name, and the unwinder's names that the prebuilt
//! libraries mention but never call.
//!
//! The loops are assembly: the compiler would turn a loop that copies into a call of the function
//! it stands in. Sixteen bytes at a time serve all sizes well, on the metal and under emulation,
//! where string instructions are slow.

use core::arch::asm;

/// Copies `len` bytes forwards: right for ranges that do not overlap, or whose target lies lower.
///
/// # Safety
/// As `memcpy`.
#[inline(always)]
unsafe fn copy_forwards(target: *mut u8, source: *const u8, len: usize) {
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
/// As `memmove`.
#[inline(always)]
unsafe fn copy_backwards(target: *mut u8, source: *const u8, len: usize) {
    // SAFETY: as in `copy_forwards`, from the end: `len` always counts the bytes that are left at the
    // start of both ranges.
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

/// C's `memcpy`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's promise: both ranges are valid and do not overlap.
    unsafe { copy_forwards(target, source, len) };
    target
}

/// C's `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, len: usize) -> *mut u8 {
    // Behind the source's end, or before its start, the target is never read after being written.
    if target.addr().wrapping_sub(source.addr()) >= len {
        // SAFETY: the caller's promise: both ranges are valid.
        unsafe { copy_forwards(target, source, len) };
    } else {
        // SAFETY: as above; the target lies higher.
        unsafe { copy_backwards(target, source, len) };
    }
    target
}

/// C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, value: i32, len: usize) -> *mut u8 {
    let pattern = u64::from(value as u8) * 0x0101_0101_0101_0101;
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
            value = in(reg_byte) value as u8,
            a = out(xmm_reg) _,
            options(nostack),
        );
    }
    target
}

/// C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
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

/// C's old `bcmp`: equal or not.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise, which is the same.
    unsafe { memcmp(left, right, len) }
}

/// Named by the prebuilt libraries' unwind tables.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Named by the prebuilt libraries' landing pads, which an aborting panic never reaches.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    basalt_kernel::cpu::halt()
}
