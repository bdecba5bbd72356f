//! What calls that wait take a place of, while they wait.

use super::connector;
use crate::chain::MAX_CALLS;
use crate::ipfs::MAX_FETCHES;
use crate::refusal::Refusal;

/// A place for a call that waits. There are so many of each kind, with shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Of those that wait for compute cores and for the disk.
    #[default]
    Job,
    /// Of those that wait for the chain.
    Chain,
    /// Of files that come or go.
    File,
}

impl Slot {
    /// All kinds.
    pub(crate) const ALL: [Slot; 3] = [Slot::Job, Slot::Chain, Slot::File];

    /// How many places there are.
    pub(crate) fn size(self, max_jobs: usize) -> usize {
        match self {
            Slot::Job => max_jobs,
            Slot::Chain => MAX_CALLS,
            Slot::File => MAX_FETCHES,
        }
    }

    /// Why there is no place, for anybody or for one.
    pub(crate) fn refusal(self, for_anybody: bool) -> Refusal {
        match (self, for_anybody) {
            (Slot::Job, true) => Refusal::CallsFull,
            (Slot::Job, false) => Refusal::CallsShare,
            (Slot::Chain, true) => Refusal::ChainFull,
            (Slot::Chain, false) => Refusal::ChainShare,
            (Slot::File, true) => Refusal::FilesFull,
            (Slot::File, false) => Refusal::FilesShare,
        }
    }
}

/// Services whose calls are answered at once, or have places of their own.
const AT_ONCE: &[&str] = &[
    "peer",
    "kad",
    "op",
    "debug",
    "stat",
    "math",
    "cmp",
    "array",
    "json",
    "sig",
    "vault",
    "run-console",
    "getDataSrv",
];

/// What a call of a service may have to take a place of.
pub(crate) fn slot(service: &str) -> Option<Slot> {
    match service {
        "aqua-ipfs" => Some(Slot::File),
        _ if connector::SERVICES.contains(&service) => Some(Slot::Chain),
        _ if AT_ONCE.contains(&service) => None,
        _ => Some(Slot::Job),
    }
}
