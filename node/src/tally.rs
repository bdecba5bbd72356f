//! What all rooms of the node count in: refusals by reason, and distributions.

use crate::metrics::Meters;
use crate::refusal::{Refusal, Refusals, rarely};

/// Counters of the node.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) refusals: Refusals,
    pub(crate) meters: Meters,
}

impl Tally {
    /// Counts something that was refused, and logs it: a flood of it ever more rarely.
    pub(crate) fn refuse(&mut self, reason: Refusal) {
        let times = self.refusals.count(reason);
        log::log!(target: "node", rarely(times), "refused: {reason} ({times} so far)");
    }
}
