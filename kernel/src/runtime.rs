//! What a program without C library brings along: the heap, the end of a panic, the memory
//! functions that compiled code calls by name, and the unwinder's names that the prebuilt libraries
//! mention but never call. The self-test image's program has this file too.

use basalt_kernel::mem::bytes::{compare, copy_backwards, copy_forwards, fill};
use basalt_kernel::mem::heap::KernelHeap;

#[global_allocator]
static HEAP: KernelHeap = KernelHeap;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    basalt_kernel::panic::report(format_args!("{}", info.message()), info.location())
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
    // SAFETY: the caller's promise: the range is valid. The value is passed as an int but means a
    // byte.
    unsafe { fill(target, value as u8, len) };
    target
}

/// C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise: both ranges are valid.
    unsafe { compare(left, right, len) }
}

/// C's old `bcmp`: equal or not.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise: both ranges are valid.
    unsafe { compare(left, right, len) }
}

/// Named by the prebuilt libraries' unwind tables.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Named by the prebuilt libraries' landing pads, which an aborting panic never reaches.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    basalt_kernel::cpu::halt()
}
