//! What a disk counts. One core counts, any may read.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A disk's counters.
#[derive(Debug, Default)]
pub struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    flushes: AtomicU64,
    discards: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    failures: AtomicU64,
    timeouts: AtomicU64,
    resets: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that read.
    pub reads: u64,
    /// Requests that wrote.
    pub writes: u64,
    /// Flushes.
    pub flushes: u64,
    /// Discards.
    pub discards: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Requests that failed for good.
    pub failures: u64,
    /// Requests that were not answered in time, or by a device that broke down.
    pub timeouts: u64,
    /// Resets of the device.
    pub resets: u64,
}

impl Counters {
    pub(super) fn read(&self, bytes: usize) {
        self.reads.fetch_add(1, Relaxed);
        self.bytes_read.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn written(&self, bytes: usize) {
        self.writes.fetch_add(1, Relaxed);
        self.bytes_written.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn flushed(&self) {
        self.flushes.fetch_add(1, Relaxed);
    }

    pub(super) fn discarded(&self) {
        self.discards.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    pub(super) fn timed_out(&self) {
        self.timeouts.fetch_add(1, Relaxed);
    }

    pub(super) fn reset(&self) {
        self.resets.fetch_add(1, Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn now(&self) -> Counts {
        Counts {
            reads: self.reads.load(Relaxed),
            writes: self.writes.load(Relaxed),
            flushes: self.flushes.load(Relaxed),
            discards: self.discards.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            failures: self.failures.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            resets: self.resets.load(Relaxed),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} reads of {} KiB, {} writes of {} KiB, {} flushes, {} discards, {} failures, {} \
             timeouts, {} resets",
            self.reads,
            self.bytes_read >> 10,
            self.writes,
            self.bytes_written >> 10,
            self.flushes,
            self.discards,
            self.failures,
            self.timeouts,
            self.resets
        )
    }
}
