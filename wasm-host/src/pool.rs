//! Memory that services share, whichever cores they run on.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

/// Memory that services share; against many services that each stay within their own limit. Clones are the same pool.
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
        // The counter guards no other memory, here and below: its order with other accesses does not matter.
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
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.is_ok()
    }
}

/// What somebody has of a pool; it goes back in the end. Without a pool there is no limit.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pool: Option<MemoryPool>,
    bytes: u64,
}

impl Share {
    pub(crate) fn of(pool: Option<MemoryPool>) -> Self {
        Self { pool, bytes: 0 }
    }

    /// Bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes more, if there is so much.
    pub(crate) fn grow(&mut self, more: u64) -> bool {
        let granted = self.pool.as_ref().is_none_or(|pool| pool.take(more));
        if granted {
            self.bytes += more;
        }
        granted
    }

    /// Has so much from now on, whether there is so much or not: for what is there already.
    pub(crate) fn set(&mut self, bytes: u64) {
        if let Some(pool) = &self.pool {
            let used = &pool.0.used;
            match bytes.checked_sub(self.bytes) {
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
