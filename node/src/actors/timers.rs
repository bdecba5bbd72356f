//! Calls of `peer.timeout`: results that are known and wait for their time.

use alloc::collections::BTreeMap;

use basalt_net::time::Instant;

use super::actor::CallId;
use crate::refusal::Refusal;
use crate::script::CallResult;
use crate::shares::{Full, Payer, Pool};

/// Results in the order of their times.
pub(super) struct Timers {
    results: BTreeMap<(Instant, CallId), (CallResult, Payer)>,
    pool: Pool,
}

impl Timers {
    pub(super) fn new(max: usize) -> Timers {
        Timers {
            results: BTreeMap::new(),
            pool: Pool::new(max as u64),
        }
    }

    /// Whether a payer may have another one.
    pub(super) fn may_set(&self, payer: &Payer) -> Result<(), Refusal> {
        let may = self.pool.may_take(payer, 1);
        may.map_err(|full| match full {
            Full::All => Refusal::TimersFull,
            _ => Refusal::TimersShare,
        })
    }

    pub(super) fn set(&mut self, at: Instant, call: CallId, payer: Payer, result: CallResult) {
        self.pool.add(&payer, 1);
        self.results.insert((at, call), (result, payer));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.results.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes a result whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<(CallId, Payer, CallResult)> {
        let first = self.results.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((_, call), (result, payer)) = first.remove_entry();
        self.pool.give(&payer, 1);
        Some((call, payer, result))
    }
}
