//! Time: one monotonic clock from the time-stamp counter, and the wall clock on top of it.
//!
//! [`tsc`] is the arithmetic, [`calibrate`] finds the counter's rate, [`calendar`] turns the
//! firmware's date into Unix time. Reading the clock takes no lock.

pub mod calendar;
pub mod calibrate;
pub mod tsc;

use core::arch::x86_64::_rdtsc;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use self::tsc::Rate;

/// Counter value at kernel entry, which is the clock's zero.
static ENTRY: AtomicU64 = AtomicU64::new(0);
/// The counter's value and the clock's nanoseconds at the latest change of rate.
static ANCHOR_TICKS: AtomicU64 = AtomicU64::new(0);
static ANCHOR_NANOS: AtomicU64 = AtomicU64::new(0);
/// [`Rate`] in use; 0 before the first calibration.
static RATE: AtomicU64 = AtomicU64::new(0);
/// Unix milliseconds at the clock's zero; 0 when the firmware gave no date.
static WALL_AT_ENTRY: AtomicU64 = AtomicU64::new(0);

/// Reads the time-stamp counter.
#[must_use]
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and the kernel runs in ring 0.
    unsafe { _rdtsc() }
}

/// Makes `entry`, a counter value, the clock's zero.
pub fn start(entry: u64) {
    ENTRY.store(entry, Ordering::Relaxed);
    ANCHOR_TICKS.store(entry, Ordering::Relaxed);
}

/// Sets the counter's rate. Time goes on from where it is, at the new pace.
///
/// Must be called while only one core runs: the three values of the clock change one by one.
pub fn set_rate(rate: Rate) {
    let now = ticks();
    // The first rate also measures the time before it was known.
    if RATE.load(Ordering::Relaxed) != 0 {
        ANCHOR_NANOS.store(nanos_at(now), Ordering::Relaxed);
        ANCHOR_TICKS.store(now, Ordering::Relaxed);
    }
    RATE.store(rate.to_bits(), Ordering::Release);
}

fn nanos_at(ticks: u64) -> u64 {
    let rate = Rate::from_bits(RATE.load(Ordering::Acquire));
    let since_anchor = ticks.saturating_sub(ANCHOR_TICKS.load(Ordering::Relaxed));
    ANCHOR_NANOS.load(Ordering::Relaxed) + rate.nanos(since_anchor)
}

/// The counter's rate.
#[must_use]
pub fn rate() -> Rate {
    Rate::from_bits(RATE.load(Ordering::Acquire))
}

/// Time since kernel entry; zero before the first calibration.
#[must_use]
pub fn since_entry() -> Duration {
    Duration::from_nanos(nanos_at(ticks()))
}

/// Counter value at which [`since_entry`] will be `moment`.
#[must_use]
pub fn ticks_at(moment: Duration) -> u64 {
    let nanos = u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX);
    let ahead = nanos.saturating_sub(ANCHOR_NANOS.load(Ordering::Relaxed));
    ANCHOR_TICKS
        .load(Ordering::Relaxed)
        .saturating_add(rate().ticks(ahead))
}

/// Sets the wall clock: it is `unix_millis` now.
pub fn set_wall(unix_millis: u64) {
    let since_entry = u64::try_from(since_entry().as_millis()).unwrap_or(u64::MAX);
    WALL_AT_ENTRY.store(unix_millis.saturating_sub(since_entry), Ordering::Relaxed);
}

/// Unix time in milliseconds; counts from 1970 when the firmware gave no date.
#[must_use]
pub fn wall_millis() -> u64 {
    let since_entry = u64::try_from(since_entry().as_millis()).unwrap_or(u64::MAX);
    WALL_AT_ENTRY
        .load(Ordering::Relaxed)
        .saturating_add(since_entry)
}

/// Waits by spinning; for device set-up only.
pub fn spin(duration: Duration) {
    let end = ticks()
        .saturating_add(rate().ticks(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)));
    while ticks() < end {
        core::hint::spin_loop();
    }
}
