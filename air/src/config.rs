//! Limits of the interpreter itself, apart from the size limits each run brings along.

/// What one interpreter call may cost. Each limit names the attack it bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Microseconds that one run may take, beside [`Self::time_per_mib`] for each MiB that it
    /// reads: the particle (its script and the larger of its two data) and results of calls, but no
    /// more than 8 MiB beside [`crate::SizeLimits::own`]. Bounds scripts and data that hold the
    /// core. Not a clock counts them but the work that is done, so a run ends at the same place
    /// wherever it runs.
    pub max_time: u64,
    /// Microseconds that one run may take for each MiB that it reads.
    pub time_per_mib: u64,
    /// Bytes that one run may hold, beside [`Self::memory_per_byte`] for each byte of the particle.
    /// Counted is all that it allocates: what it reads, the script as it is parsed, values,
    /// requests of calls, and the data that is written. A particle beyond the host's size limits
    /// gets no more than one at them.
    pub max_memory: u64,
    /// Bytes that one run may hold for each byte of the particle.
    pub memory_per_byte: u64,
    /// Instructions nested in each other in a script. Bounds the parser's and the interpreter's
    /// explicit stacks; neither uses the native stack for nesting.
    pub max_nesting: usize,
    /// Signatures in one particle's data, beside one for each 16 KiB of it. Bounds data full of
    /// keys: to check one takes as long as to merge a hundred states.
    pub max_signatures: usize,
    /// Highest generation a value of a stream may claim. Bounds nothing here, where generations
    /// take no room, but peers that make a list per generation would be exhausted by the data we
    /// pass on.
    pub max_generation: u32,
    /// Keys all hash tables, whose entries the peers that send data choose. Set it from entropy: it
    /// keeps an attacker from preparing collisions. It influences no result.
    pub seed: u64,
}

impl Config {
    /// Microseconds for a particle of `size` bytes.
    pub(crate) fn time_of(&self, size: u64) -> u64 {
        let share = u128::from(self.time_per_mib) * u128::from(size) / (1 << 20);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        self.max_time.saturating_add(share)
    }

    /// Bytes for a particle of `size` bytes.
    pub(crate) fn memory_of(&self, size: u64) -> u64 {
        let share = self.memory_per_byte.saturating_mul(size);
        self.max_memory.saturating_add(share)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_time: 50_000,
            time_per_mib: 4_000,
            max_memory: 64 << 20,
            memory_per_byte: 4,
            max_nesting: 100_000,
            max_signatures: 1_000,
            max_generation: 1 << 20,
            seed: 0x6261_7361_6c74,
        }
    }
}
