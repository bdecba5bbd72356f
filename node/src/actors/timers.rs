//! Calls of `peer.timeout`: results that are known and wait for their time.

use alloc::collections::BTreeMap;

use basalt_net::time::Instant;

use super::actor::CallId;
use crate::script::CallResult;

/// Results in the order of their times.
#[derive(Default)]
pub(super) struct Timers(BTreeMap<(Instant, CallId), CallResult>);

impl Timers {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn set(&mut self, at: Instant, call: CallId, result: CallResult) {
        self.0.insert((at, call), result);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes a result whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<(CallId, CallResult)> {
        let first = self.0.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((_, call), result) = first.remove_entry();
        Some((call, result))
    }
}
