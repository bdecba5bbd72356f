//! Limits of the interpreter itself, apart from the size limits each run brings along.

/// What one interpreter call may cost. Each limit names the attack it bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Instructions executed in one run. Bounds scripts that hold the core: folds in folds
    /// multiply.
    pub max_steps: u64,
    /// Bytes of values written out, hashed or put in requests in one run. Bounds values that double
    /// with each instruction (a canon of a stream that holds the canon of the stream before).
    pub max_bytes: u64,
    /// Bytes that one run may hold, beside [`Self::memory_per_byte`] for each byte of the particle:
    /// its script and the larger of its two data. Counted are the arena, results and requests of
    /// calls, and the data that is written.
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

impl Default for Config {
    fn default() -> Self {
        Config {
            max_steps: 1_000_000,
            max_bytes: 512 << 20,
            max_memory: 64 << 20,
            memory_per_byte: 4,
            max_nesting: 100_000,
            max_signatures: 1_000,
            max_generation: 1 << 20,
            seed: 0x6261_7361_6c74,
        }
    }
}
