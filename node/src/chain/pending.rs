//! Transactions that were sent and are not known to be mined: each is sent again with a higher fee when its time is over.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::time::Instant;

use super::wallet::Address;

/// How transactions that are not mined are sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resending {
    /// Time from a transaction's sending to the look whether it is mined, in milliseconds.
    pub after_ms: u64,
    /// Times that one is sent again. Against a wallet that is emptied by fees that rise without end.
    pub max_times: u8,
    /// Transactions that are looked after; older ones are left to themselves. Against scripts that send without end.
    pub max_pending: usize,
}

impl Default for Resending {
    fn default() -> Resending {
        Resending {
            after_ms: 90_000,
            max_times: 5,
            max_pending: 64,
        }
    }
}

/// What can be paid for a unit of gas, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fees {
    pub(super) max: u128,
    pub(super) priority: u128,
}

impl Fees {
    /// Fees in place of others that were too low: a quarter more, for nodes take a replacement only from a tenth more on,
    /// and not less than what is asked for now.
    pub(super) fn in_place_of(self, before: Fees) -> Fees {
        let more = |fee: u128| fee.saturating_add(fee / 4).saturating_add(1);
        Fees {
            max: self.max.max(more(before.max)),
            priority: self.priority.max(more(before.priority)),
        }
    }
}

/// A transaction that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) nonce: u64,
    pub(super) to: Address,
    pub(super) data: Vec<u8>,
    pub(super) gas: u64,
    pub(super) fees: Fees,
    /// Hashes of all that were sent with this number, the first one first: at most one of them is mined.
    pub(super) hashes: Vec<String>,
    /// When to look after it.
    due: Instant,
}

/// All that are looked after, by the time of the next look.
pub(super) struct Pending {
    limits: Resending,
    sent: VecDeque<Sent>,
    /// Hashes of transactions that were sent more than once and are over, each with all of its number.
    mined: VecDeque<Vec<String>>,
}

impl Pending {
    pub(super) fn new(limits: Resending) -> Pending {
        Pending {
            limits,
            sent: VecDeque::new(),
            mined: VecDeque::new(),
        }
    }

    /// Looks after a transaction from now on.
    pub(super) fn add(&mut self, now: Instant, mut sent: Sent) {
        sent.due = now + Duration::from_millis(self.limits.after_ms);
        if self.sent.len() >= self.limits.max_pending {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }

    /// When to look after one.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.sent.front().map(|sent| sent.due)
    }

    /// One whose time is over; the caller adds it again if it is not mined.
    pub(super) fn due(&mut self, now: Instant) -> Option<Sent> {
        let due = self.wake_at().is_some_and(|at| at <= now);
        due.then(|| self.sent.pop_front()).flatten()
    }

    /// Whether one may be sent again.
    pub(super) fn may_repeat(&self, sent: &Sent) -> bool {
        sent.hashes.len() <= usize::from(self.limits.max_times)
    }

    /// One is mined. Who asks for a hash that was replaced is told of the one that took its place.
    pub(super) fn settle(&mut self, hashes: Vec<String>) {
        if hashes.len() > 1 {
            if self.mined.len() >= self.limits.max_pending {
                self.mined.pop_front();
            }
            self.mined.push_back(hashes);
        }
    }

    /// All hashes of the transaction that has this one.
    pub(super) fn hashes(&self, hash: &str) -> Vec<String> {
        let sent = self.sent.iter().map(|sent| &sent.hashes);
        let mut all = sent.chain(&self.mined);
        let found = all.find(|hashes| hashes.iter().any(|known| known == hash));
        found.cloned().unwrap_or_else(|| alloc::vec![hash.into()])
    }
}

impl Sent {
    /// A transaction that is to be sent.
    pub(super) fn new(nonce: u64, to: Address, data: Vec<u8>, gas: u64, fees: Fees) -> Sent {
        Sent {
            nonce,
            to,
            data,
            gas,
            fees,
            hashes: Vec::new(),
            due: Instant::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn sent(nonce: u64, hashes: &[&str]) -> Sent {
        let fees = Fees {
            max: 100,
            priority: 0,
        };
        Sent {
            hashes: hashes.iter().map(ToString::to_string).collect(),
            ..Sent::new(nonce, [1; 20], vec![2], 3, fees)
        }
    }

    #[test]
    fn fees_rise_enough_to_replace_and_follow_the_chain() {
        let before = sent(0, &[]).fees;
        let same = before.in_place_of(before);
        assert_eq!((same.max, same.priority), (126, 1));
        let dearer = Fees {
            max: 500,
            priority: 9,
        };
        assert_eq!(dearer.in_place_of(before), dearer);
    }

    #[test]
    fn each_is_looked_after_in_its_time_and_so_often() {
        let mut pending = Pending::new(Resending {
            max_times: 1,
            max_pending: 2,
            ..Resending::default()
        });
        let at = |second: u64| Instant::from_millis(second * 1000);
        for nonce in 0..3 {
            pending.add(at(nonce), sent(nonce, &["first"]));
        }
        // The first has left its place to the third.
        assert_eq!(pending.wake_at(), Some(at(91)));
        assert_eq!(pending.due(at(90)), None);
        let due = pending.due(at(91)).unwrap();
        assert!(due.nonce == 1 && pending.may_repeat(&due));
        assert!(!pending.may_repeat(&sent(1, &["first", "second"])));
    }

    #[test]
    fn who_asks_for_one_hash_is_told_of_all() {
        let mut pending = Pending::new(Resending::default());
        pending.add(Instant::ZERO, sent(0, &["a", "b"]));
        pending.settle(vec!["c".into(), "d".into()]);
        assert_eq!(pending.hashes("b"), ["a", "b"]);
        assert_eq!(pending.hashes("c"), ["c", "d"]);
        assert_eq!(pending.hashes("e"), ["e"]);
    }
}
