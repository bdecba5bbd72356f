//! What a volume may hold.

/// What a node takes in memory beside its contents, in bytes.
pub(super) const NODE: u64 = 128;
/// What a name takes in memory beside its text, in bytes.
const NAME: u64 = 64;

/// What a name takes in memory, in bytes.
pub(super) fn of_name(name: &str) -> u64 {
    NAME + name.len() as u64
}

/// What a volume may hold.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Bytes of all files and names together, and what nodes and names take in memory beside them,
    /// some hundred bytes each; bounds a guest that fills the host's memory through files.
    pub bytes: u64,
    /// Files, directories and links; bounds a guest that slows the host's work down with many.
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
