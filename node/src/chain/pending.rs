//! Transactions that were sent and are not known to be mined: each is sent again with a higher fee
//! when its time is over.
//!
//! A transaction is on the disk before it is sent, with its number and its hash, and so is each
//! that takes its place: after a power cut the node knows all that may be on the chain, looks after
//! it, and sends nothing twice.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::time::Instant;
use serde_json::{Value, json};

use super::rpc;
use super::wallet::{Address, Transaction, Wallet, hash};
use crate::state::{self, Batch, Namespace, State};

/// How transactions that are not mined are sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resending {
    /// Time from a transaction's sending to the look whether it is mined, in milliseconds.
    pub after_ms: u64,
    /// Times that one is sent again. Against a wallet that is emptied by fees that rise without
    /// end.
    pub max_times: u8,
    /// Transactions that are looked after, and so many that are over and were sent more than once;
    /// older ones are left to themselves. Against scripts that send without end.
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
    /// Fees in place of others that were too low: a quarter more, for nodes take a replacement only
    /// from a tenth more on, and not less than what is asked for now.
    pub(super) fn in_place_of(self, before: Fees) -> Fees {
        let more = |fee: u128| fee.saturating_add(fee / 4).saturating_add(1);
        Fees {
            max: self.max.max(more(before.max)),
            priority: self.priority.max(more(before.priority)),
        }
    }
}

/// A transaction that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) nonce: u64,
    pub(super) to: Address,
    pub(super) data: Vec<u8>,
    pub(super) gas: u64,
    pub(super) fees: Fees,
    /// Times that it was sent.
    pub(super) times: u8,
    /// Hashes of all that were sent with this number, the first one first: at most one of them is
    /// mined.
    pub(super) hashes: Vec<String>,
    /// It is mined or given up.
    pub(super) over: bool,
}

/// A transaction of the list.
struct Entry {
    sent: Sent,
    /// When to look after it; `None`: that is being done, or it is over.
    due: Option<Instant>,
}

/// All that are looked after, by their numbers, and the last ones that are over and have more than
/// one hash.
pub(super) struct Pending {
    limits: Resending,
    wallet: Wallet,
    chain_id: u64,
    entries: BTreeMap<u64, Entry>,
}

impl Pending {
    /// Those that the state has of this wallet on this chain; others, whose wallet the node no
    /// longer has, are forgotten.
    ///
    /// # Errors
    /// The state fails.
    pub(super) fn restore(
        limits: Resending,
        wallet: Wallet,
        chain_id: u64,
        state: &mut Option<State>,
    ) -> Result<Pending, state::Error> {
        let mut pending = Pending {
            limits,
            wallet,
            chain_id,
            entries: BTreeMap::new(),
        };
        let Some(state) = state else {
            return Ok(pending);
        };
        // There may be one to be sent, but not before what has just been sent can be mined.
        let due = Instant::ZERO + Duration::from_millis(pending.limits.after_ms);
        let mut changes = Batch::new();
        for (key, record) in state.records(Namespace::Transactions, b"")? {
            match Sent::parse(&key, &record, chain_id, &pending.wallet.address()) {
                Some(sent) => {
                    let due = (!sent.over).then_some(due);
                    pending.entries.insert(sent.nonce, Entry { sent, due });
                }
                None => {
                    log::warn!(
                        target: "chain",
                        "transaction {} is damaged or another wallet's: it is forgotten", key.escape_ascii()
                    );
                    changes.delete(Namespace::Transactions, key);
                }
            }
        }
        state.commit(changes)?;
        Ok(pending)
    }

    /// Signs a transaction that is to be sent, or to be sent again with the fees that it has now.
    /// It may be sent when the changes are kept, and not before: after a power cut the node must
    /// know of everything that may be on the chain.
    pub(super) fn plan(&self, now: Instant, mut sent: Sent) -> (Batch, Planned) {
        let raw = self.wallet.sign(&Transaction {
            chain_id: self.chain_id,
            nonce: sent.nonce,
            max_priority_fee: sent.fees.priority,
            max_fee: sent.fees.max,
            gas: sent.gas,
            to: sent.to,
            data: &sent.data,
        });
        sent.hashes.push(rpc::hex(&hash(&raw)));
        sent.times = sent.times.saturating_add(1);
        let (changes, oldest) = self.record(&sent);
        let due = Some(now + self.after());
        let planned = Planned {
            raw,
            entry: Entry { sent, due },
            oldest,
        };
        (changes, planned)
    }

    /// Looks after a transaction whose changes are kept; gives the signed bytes, which may be sent
    /// now.
    pub(super) fn add(&mut self, planned: Planned) -> Vec<u8> {
        self.put(planned.entry, planned.oldest);
        planned.raw
    }

    fn put(&mut self, entry: Entry, oldest: Option<u64>) {
        if let Some(nonce) = oldest {
            self.entries.remove(&nonce);
        }
        self.entries.insert(entry.sent.nonce, entry);
    }

    fn after(&self) -> Duration {
        Duration::from_millis(self.limits.after_ms)
    }

    /// What has to be kept of one, and the oldest of its kind, which goes when there are too many.
    fn record(&self, sent: &Sent) -> (Batch, Option<u64>) {
        let mut others = self.entries.values().map(|entry| &entry.sent);
        let mut others = others
            .by_ref()
            .filter(|other| other.over == sent.over && other.nonce != sent.nonce)
            .map(|other| other.nonce);
        let oldest = others.next();
        let oldest = oldest.filter(|_| 1 + others.count() >= self.limits.max_pending);
        let mut changes = Batch::new();
        if let Some(nonce) = oldest {
            changes.delete(Namespace::Transactions, nonce.to_be_bytes());
        }
        let record = sent.record(self.chain_id, &self.wallet.address());
        changes.put(Namespace::Transactions, sent.nonce.to_be_bytes(), record);
        (changes, oldest)
    }

    /// Puts one in its place at once. It does not wait for the disk: what is lost with a power cut
    /// is found out again from the chain.
    fn change(&mut self, sent: Sent, due: Option<Instant>) -> Batch {
        let (changes, oldest) = self.record(&sent);
        self.put(Entry { sent, due }, oldest);
        changes
    }

    /// How many are looked after.
    pub(super) fn len(&self) -> usize {
        let live = |entry: &&Entry| !entry.sent.over;
        self.entries.values().filter(live).count()
    }

    /// When to look after one.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.due).min()
    }

    /// One whose time is over: the caller looks after it, and tells what it has found.
    pub(super) fn due(&mut self, now: Instant) -> Option<&Sent> {
        let mut all = self.entries.values_mut();
        let entry = all.find(|entry| entry.due.is_some_and(|at| at <= now))?;
        entry.due = None;
        Some(&entry.sent)
    }

    /// Looks after one later.
    pub(super) fn wait(&mut self, now: Instant, nonce: u64) {
        let due = Some(now + self.after());
        if let Some(entry) = self.entries.get_mut(&nonce)
            && !entry.sent.over
        {
            entry.due = due;
        }
    }

    /// One that is looked after.
    pub(super) fn get(&self, nonce: u64) -> Option<&Sent> {
        let sent = self.entries.get(&nonce).map(|entry| &entry.sent);
        sent.filter(|sent| !sent.over)
    }

    /// The first number, from the chain's own count on, that none has that is looked after.
    pub(super) fn free_nonce(&self, count: u64) -> u64 {
        let mut all = count..u64::MAX;
        all.find(|nonce| self.get(*nonce).is_none())
            .unwrap_or(u64::MAX)
    }

    /// One that is looked after and makes this call.
    pub(super) fn of_call(&self, to: &Address, data: &[u8]) -> Option<&Sent> {
        let mut all = self.entries.values().map(|entry| &entry.sent);
        all.find(|sent| !sent.over && sent.to == *to && sent.data == data)
    }

    /// The transaction that has a hash.
    pub(super) fn of_hash(&self, hash: &str) -> Option<&Sent> {
        let mut all = self.entries.values().map(|entry| &entry.sent);
        all.find(|sent| sent.hashes.iter().any(|known| known == hash))
    }

    /// Whether one may be sent again.
    pub(super) fn may_repeat(&self, sent: &Sent) -> bool {
        sent.times <= self.limits.max_times
    }

    /// The chain's endpoint has taken one, and has a hash for it: the known one, unless it counts
    /// otherwise. Gives what has to be kept of that.
    pub(super) fn taken(&mut self, nonce: u64, hash: &str) -> Batch {
        let Some(Entry { sent, due }) = self.entries.get(&nonce) else {
            return Batch::new();
        };
        if sent.over || sent.hashes.iter().any(|known| known == hash) {
            return Batch::new();
        }
        let (mut sent, due) = (sent.clone(), *due);
        sent.hashes.push(hash.to_string());
        self.change(sent, due)
    }

    /// One is mined or given up. Who asks for a hash that was replaced is told of the one that took
    /// its place. Gives what has to be kept of that.
    pub(super) fn close(&mut self, nonce: u64) -> Batch {
        match self.get(nonce).cloned() {
            None => Batch::new(),
            Some(sent) if sent.hashes.len() < 2 => self.forget(nonce),
            Some(sent) => self.change(Sent { over: true, ..sent }, None),
        }
    }

    /// One is on no chain, or there is nothing more to be known about it. Gives what has to be kept
    /// of that.
    pub(super) fn forget(&mut self, nonce: u64) -> Batch {
        let mut changes = Batch::new();
        changes.delete(Namespace::Transactions, nonce.to_be_bytes());
        self.entries.remove(&nonce);
        changes
    }
}

/// A transaction that is signed and not yet kept.
pub(super) struct Planned {
    raw: Vec<u8>,
    entry: Entry,
    oldest: Option<u64>,
}

impl Planned {
    /// Its number.
    pub(super) fn nonce(&self) -> u64 {
        self.entry.sent.nonce
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
            times: 0,
            hashes: Vec::new(),
            over: false,
        }
    }

    /// What the state has of it, under its number.
    fn record(&self, chain_id: u64, from: &Address) -> String {
        json!({
            "chain_id": chain_id,
            "from": rpc::hex(from),
            "to": rpc::hex(&self.to),
            "data": rpc::hex(&self.data),
            "gas": self.gas,
            "max_fee": self.fees.max.to_string(),
            "priority_fee": self.fees.priority.to_string(),
            "times": self.times,
            "hashes": self.hashes,
            "over": self.over,
        })
        .to_string()
    }

    /// One of this chain and account out of the state.
    fn parse(key: &[u8], record: &[u8], chain_id: u64, from: &Address) -> Option<Sent> {
        let value: Value = serde_json::from_slice(record).ok()?;
        let ours = value["chain_id"].as_u64() == Some(chain_id)
            && value["from"].as_str() == Some(&rpc::hex(from));
        let hashes = value["hashes"].as_array()?.iter();
        let hashes = hashes.map(|hash| hash.as_str().map(str::to_string));
        let sent = Sent {
            nonce: u64::from_be_bytes(key.try_into().ok()?),
            to: rpc::bytes(&value["to"]).ok()?.try_into().ok()?,
            data: rpc::bytes(&value["data"]).ok()?,
            gas: value["gas"].as_u64()?,
            fees: Fees {
                max: rpc::quantity(&value["max_fee"]).ok()?,
                priority: rpc::quantity(&value["priority_fee"]).ok()?,
            },
            times: u8::try_from(value["times"].as_u64()?).ok()?,
            hashes: hashes.collect::<Option<_>>()?,
            over: value["over"].as_bool()?,
        };
        ours.then_some(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use basalt_store::Memory;

    fn sent(nonce: u64) -> Sent {
        let fees = Fees {
            max: 100,
            priority: 0,
        };
        Sent::new(nonce, [1; 20], vec![nonce as u8], 3, fees)
    }

    fn pending(limits: &Resending, key: u8, state: &mut Option<State>) -> Pending {
        let wallet = Wallet::new(&[key; 32]).unwrap();
        Pending::restore(limits.clone(), wallet, 5, state).unwrap()
    }

    /// Sends one if the state keeps it.
    fn send(pending: &mut Pending, state: &mut Option<State>, now: Instant, sent: Sent) -> bool {
        let (changes, planned) = pending.plan(now, sent);
        let kept = keep(state, changes);
        if kept {
            pending.add(planned);
        }
        kept
    }

    fn keep(state: &mut Option<State>, changes: Batch) -> bool {
        state
            .as_mut()
            .is_none_or(|state| state.commit(changes).is_ok())
    }

    fn at(second: u64) -> Instant {
        Instant::from_millis(second * 1000)
    }

    #[test]
    fn fees_rise_enough_to_replace_and_follow_the_chain() {
        let before = sent(0).fees;
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
        let limits = Resending {
            max_times: 1,
            max_pending: 2,
            ..Resending::default()
        };
        let mut pending = pending(&limits, 1, &mut None);
        for nonce in 0..3 {
            send(&mut pending, &mut None, at(nonce), sent(nonce));
        }
        // The first has left its place to the third.
        assert!(pending.get(0).is_none());
        assert_eq!((pending.wake_at(), pending.len()), (Some(at(91)), 2));
        assert_eq!(pending.due(at(90)), None);
        let due = pending.due(at(91)).cloned().unwrap();
        assert!(due.nonce == 1 && pending.may_repeat(&due));
        assert_eq!(pending.wake_at(), Some(at(92)));
        send(&mut pending, &mut None, at(91), due);
        let again = pending.get(1).unwrap();
        assert!(!pending.may_repeat(again));
        // Numbers that are taken are left out.
        assert_eq!(pending.free_nonce(0), 0);
        assert_eq!(pending.free_nonce(1), 3);
    }

    #[test]
    fn who_asks_for_one_hash_is_told_of_all() {
        let mut pending = pending(&Resending::default(), 1, &mut None);
        for nonce in [0, 1] {
            send(&mut pending, &mut None, at(0), sent(nonce));
            let _ = pending.taken(nonce, "other");
        }
        let hash = pending.get(0).unwrap().hashes[0].clone();
        let family = |pending: &Pending| pending.of_hash(&hash).map(|sent| sent.hashes.clone());
        assert_eq!(family(&pending), Some(vec![hash.clone(), "other".into()]));
        // Also when it is over.
        let _ = pending.close(0);
        assert_eq!(pending.len(), 1);
        assert_eq!(pending.get(0), None);
        assert_eq!(family(&pending), Some(vec![hash.clone(), "other".into()]));
        assert_eq!(pending.of_call(&[1; 20], &[0]), None);
        assert_eq!(pending.of_call(&[1; 20], &[1]).unwrap().nonce, 1);
    }

    #[test]
    fn what_was_sent_is_known_after_a_power_cut() {
        let disk = Memory::new(512, 1 << 20);
        let open = || Some(State::open(disk.clone(), [1; 16]).unwrap().0);
        let limits = Resending::default();
        let mut state = open();
        let mut before = pending(&limits, 1, &mut state);
        for nonce in 7..10 {
            assert!(send(&mut before, &mut state, at(5), sent(nonce)));
        }
        assert!(keep(&mut state, before.forget(8)));
        let mut dearer = before.get(7).unwrap().clone();
        dearer.fees.max = 126;
        assert!(send(&mut before, &mut state, at(95), dearer));
        let (seven, nine) = (before.get(7).cloned(), before.get(9).cloned());
        assert!(keep(&mut state, before.close(7)));
        // What cannot be kept may not be sent.
        disk.fail(0, u32::MAX);
        assert!(!send(&mut before, &mut state, at(99), sent(10)));
        assert_eq!(before.get(10), None);
        disk.fail(0, 0);
        disk.cut(|_| false);

        let mut state = open();
        let mut after = pending(&limits, 1, &mut state);
        assert_eq!((after.get(7), after.get(8)), (None, None));
        assert_eq!((after.get(9).cloned(), after.get(10)), (nine, None));
        let seven = Sent {
            over: true,
            ..seven.unwrap()
        };
        assert_eq!(after.of_hash(&seven.hashes[0]), Some(&seven));
        assert_eq!(seven.hashes.len(), 2);
        assert_eq!(after.wake_at(), Some(at(90)));
        assert_eq!(after.due(at(90)).map(|sent| sent.nonce), Some(9));
        // Another wallet cannot look after them.
        let other = pending(&limits, 2, &mut state);
        assert!(other.entries.is_empty());
        let state = state.as_ref().unwrap();
        assert!(state.keys(Namespace::Transactions, b"").is_empty());
    }
}
