//! Memory that services share, whichever cores they run on.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

/// A bound on the memory of several services together: many that each stay within their own limit
/// could still exhaust the host. Clones are the same pool.
#[derive(Clone, Debug)]
pub struct MemoryPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    limit: u64,
    used: AtomicU64,
}

impl MemoryPool {
    /// A pool of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Pool {
            limit: bytes,
            used: AtomicU64::new(0),
        }))
    }

    /// Bytes in all.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        // The counter guards no other memory, here and below: its order with other accesses does
        // not matter.
        self.0.used.load(Ordering::Relaxed)
    }

    /// Bytes left.
    pub fn left(&self) -> u64 {
        self.limit().saturating_sub(self.used())
    }

    fn take(&self, bytes: u64) -> bool {
        let fits = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.0.limit);
        let taken = self
            .0
            .used
            // Checked and taken in one step: otherwise two cores could both find the last bytes
            // free.
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.is_ok()
    }
}

/// What one service or volume takes of a pool; dropping it gives the bytes back. Without a pool
/// there is no limit.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pool: Option<MemoryPool>,
    bytes: u64,
}

impl Share {
    pub(crate) fn of(pool: Option<MemoryPool>) -> Self {
        Self { pool, bytes: 0 }
    }

    /// Another one, empty, of the same pool.
    pub(crate) fn beside(&self) -> Self {
        Self::of(self.pool.clone())
    }

    /// Bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes `more` bytes; false, and nothing taken, when the pool has fewer left.
    pub(crate) fn grow(&mut self, more: u64) -> bool {
        let granted = self.pool.as_ref().is_none_or(|pool| pool.take(more));
        if granted {
            self.bytes += more;
        }
        granted
    }

    /// Sets the share to `bytes`, even beyond the pool's limit: for memory that is in use already.
    pub(crate) fn set(&mut self, bytes: u64) {
        if let Some(pool) = &self.pool {
            let used = &pool.0.used;
            match bytes.checked_sub(self.bytes) {
                // Beyond the limit, if need be: the bytes are in use, and the counter has to say
                // so.
                Some(more) => used.fetch_add(more, Ordering::Relaxed),
                None => used.fetch_sub(self.bytes - bytes, Ordering::Relaxed),
            };
        }
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
