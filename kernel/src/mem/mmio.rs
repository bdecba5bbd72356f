//! Device registers in memory.

use core::ptr;

/// Reads a register.
///
/// # Safety
/// `address` is a mapped, aligned register of `T`'s width, and reading it has no effect that the
/// caller does not want.
#[must_use]
pub unsafe fn read<T>(address: u64) -> T {
    // SAFETY: the caller's promise.
    unsafe { ptr::with_exposed_provenance::<T>(address as usize).read_volatile() }
}

/// Writes a register.
///
/// # Safety
/// `address` is a mapped, aligned register of `T`'s width, and writing `value` has no effect on
/// memory that the caller does not own.
pub unsafe fn write<T>(address: u64, value: T) {
    // SAFETY: the caller's promise.
    unsafe { ptr::with_exposed_provenance_mut::<T>(address as usize).write_volatile(value) }
}
