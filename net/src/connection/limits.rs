//! The budgets of one connection.

/// What one connection may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of particles that may wait to be sent on one connection. Bounds what a peer that reads
    /// slowly, or not at all, makes us hold.
    pub max_queued: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_queued: 128 * 1024 * 1024,
        }
    }
}
