//! What runs took beside what they were charged.

use basalt_air::Outcome;

use crate::spent::{Spent, spend};

/// What runs took, in seconds and bytes.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cost {
    pub(crate) processor: f64,
    pub(crate) charged: f64,
    pub(crate) held: u64,
    pub(crate) counted: u64,
}

impl Cost {
    pub(crate) fn add(&mut self, other: &Cost) {
        self.processor += other.processor;
        self.charged += other.charged;
        self.held += other.held;
        self.counted += other.counted;
    }
}

/// Runs once. What the outcome holds counts, its inputs do not.
pub(crate) fn measure(run: impl FnOnce() -> Outcome) -> (Outcome, Cost) {
    let (outcome, Spent { processor, held }) = spend(run);
    let cost = Cost {
        processor,
        charged: outcome.time as f64 / 1e6,
        held,
        counted: outcome.memory,
    };
    (outcome, cost)
}
