//! What a volume may hold.

/// What a volume may hold.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Bytes of all files together; bounds a guest that fills the host's memory through files.
    pub bytes: u64,
    /// Files and directories; bounds a guest that does so with empty files.
    pub nodes: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            nodes: 100_000,
        }
    }
}
