//! The budget of a lookup.

use core::time::Duration;

/// What one lookup may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest answer that is taken, in bytes, as announced to servers. Packets of the default size
    /// pass everywhere without fragmentation.
    pub max_answer: usize,
    /// Records that are kept of an answer. Bounds answers that make us dial many addresses.
    pub max_records: usize,
    /// Aliases (CNAME) that are followed, one after the other. Bounds loops.
    pub max_aliases: usize,
    /// How long a server may take. Bounds servers that are silent.
    pub patience: Duration,
    /// Questions in all, to all servers in turn.
    pub attempts: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_answer: 1232,
            max_records: 16,
            max_aliases: 8,
            patience: Duration::from_secs(2),
            attempts: 4,
        }
    }
}
