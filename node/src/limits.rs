//! Budgets of the node.

/// What strangers may make the node spend. Each limit names the attack it bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Particles alive at the same time. Against floods of small particles with long lives.
    pub max_actors: usize,
    /// Arrivals of one particle that wait for their turn. Against one particle sent over and over.
    pub max_mailbox: usize,
    /// Bytes of all scripts, waiting arrivals, kept data, call results and messages of `peer.timeout`. Against particles that
    /// grow or bring much; one execution may exceed it by its own outcome.
    pub max_memory: usize,
    /// Calls of `peer.timeout` that wait. Against scripts that set alarms without end.
    pub max_timers: usize,
    /// Calls of `peer.connect` that wait.
    pub max_connects: usize,
    /// Jobs for compute cores that wait. Against scripts that call services faster than cores can serve them: what is over
    /// it is refused.
    pub max_jobs: usize,
    /// Expired particles removed per round, so that a great dying does not stop the loop.
    pub max_removed_per_round: usize,
    /// Longest script, in bytes.
    pub max_script: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_actors: 50_000,
            max_mailbox: 64,
            max_memory: 256 << 20,
            max_timers: 10_000,
            max_connects: 64,
            max_jobs: 1024,
            max_removed_per_round: 1024,
            max_script: 16 << 20,
        }
    }
}
