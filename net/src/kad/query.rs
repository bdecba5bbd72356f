//! A search for the peers closest to a point: it asks the closest known peers, `ALPHA` at a time,
//! until the `K` closest of all that were heard of have answered.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::key::{Distance, Key};
use super::message::Contact;
use super::table::K;
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// Peers asked at the same time by one search.
pub(super) const ALPHA: usize = 3;

/// Time after which a peer that was asked does not keep another one from being asked: peers that
/// are gone must not use up the time of a search.
const SLOW: Duration = Duration::from_secs(1);
/// Peers that one search remembers. Bounds answers that name ever more of them.
const MAX_CANDIDATES: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Known,
    Asked(Instant),
    Answered,
    Failed,
}

#[derive(Debug)]
struct Candidate {
    peer: PeerId,
    addresses: Vec<Multiaddr>,
    state: State,
}

/// One search.
#[derive(Debug)]
pub(super) struct Query {
    /// The peer whose place is searched.
    pub(super) target: PeerId,
    /// Whether it only refreshes the routing table: nobody waits for the result.
    pub(super) refreshes: bool,
    key: Key,
    candidates: BTreeMap<Distance, Candidate>,
    pub(super) deadline: Instant,
}

impl Query {
    pub(super) fn new(
        target: PeerId,
        refreshes: bool,
        start: Vec<Contact>,
        deadline: Instant,
    ) -> Self {
        let mut query = Self {
            target,
            refreshes,
            key: Key::from(&target),
            candidates: BTreeMap::new(),
            deadline,
        };
        query.add(start);
        query
    }

    fn add(&mut self, contacts: Vec<Contact>) {
        for Contact {
            peer, addresses, ..
        } in contacts
        {
            let distance = self.key.distance(&Key::from(&peer));
            let candidate = Candidate {
                peer,
                addresses,
                state: State::Known,
            };
            self.candidates.entry(distance).or_insert(candidate);
        }
        while self.candidates.len() > MAX_CANDIDATES {
            self.candidates.pop_last();
        }
    }

    fn candidate(&mut self, peer: &PeerId) -> Option<&mut Candidate> {
        let distance = self.key.distance(&Key::from(peer));
        self.candidates.get_mut(&distance)
    }

    /// When each of the peers that have not answered was asked.
    fn asked(&self) -> impl Iterator<Item = Instant> {
        self.candidates
            .values()
            .filter_map(|candidate| match candidate.state {
                State::Asked(at) => Some(at),
                _ => None,
            })
    }

    /// When there is something to do if nothing is heard before.
    pub(super) fn wake_at(&self, now: Instant) -> Instant {
        let slow = self.asked().map(|at| at + SLOW).filter(|&at| at > now);
        slow.min().unwrap_or(self.deadline).min(self.deadline)
    }

    /// The next peer to ask, if one is to be asked now. `may_ask` rules out those that are banned.
    pub(super) fn next(
        &mut self,
        now: Instant,
        may_ask: impl Fn(&PeerId) -> bool,
    ) -> Option<(PeerId, Vec<Multiaddr>)> {
        if self.asked().filter(|&at| now < at + SLOW).count() >= ALPHA {
            return None;
        }
        let closest = self
            .candidates
            .values_mut()
            .filter(|c| c.state != State::Failed)
            .take(K);
        for candidate in closest {
            if candidate.state == State::Known {
                if may_ask(&candidate.peer) {
                    candidate.state = State::Asked(now);
                    return Some((candidate.peer, candidate.addresses.clone()));
                }
                candidate.state = State::Failed;
            }
        }
        None
    }

    pub(super) fn answered(&mut self, peer: &PeerId, closer: Vec<Contact>) {
        match self.candidate(peer) {
            Some(candidate) if matches!(candidate.state, State::Asked(_)) => {
                candidate.state = State::Answered;
            }
            _ => return,
        }
        self.add(closer);
    }

    pub(super) fn failed(&mut self, peer: &PeerId) {
        if let Some(candidate) = self.candidate(peer)
            && matches!(candidate.state, State::Asked(_))
        {
            candidate.state = State::Failed;
        }
    }

    /// Whether nobody is left to ask or to wait for among the closest.
    pub(super) fn is_done(&self) -> bool {
        let mut closest = self
            .candidates
            .values()
            .filter(|c| c.state != State::Failed)
            .take(K);
        closest.all(|candidate| candidate.state == State::Answered)
    }

    /// Where the target is, if it was heard of.
    pub(super) fn found(&mut self) -> Option<Vec<Multiaddr>> {
        let target = self.target;
        let found = self.candidate(&target)?;
        (!found.addresses.is_empty()).then(|| found.addresses.clone())
    }

    /// The closest peers that have answered.
    pub(super) fn closest(&self) -> Vec<PeerId> {
        let answered = self
            .candidates
            .values()
            .filter(|c| c.state == State::Answered);
        answered.take(K).map(|candidate| candidate.peer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypair::Keypair;
    use alloc::vec;

    const NOW: Instant = Instant::from_millis(5);
    const LATER: Instant = Instant::from_millis(3005);

    fn contact(seed: u8) -> Contact {
        let peer = Keypair::from_seed([seed; 32]).peer_id();
        let addresses = vec!["/ip4/10.0.0.1/tcp/977".parse().unwrap()];
        Contact {
            peer,
            addresses,
            connected: false,
        }
    }

    #[test]
    fn asks_three_at_a_time_closest_first_and_ends() {
        let target = contact(99).peer;
        let mut start: Vec<Contact> = (1..6).map(contact).collect();
        let mut query = Query::new(target, false, start.clone(), LATER);
        start.sort_by_key(|c| Key::from(&c.peer).distance(&Key::from(&target)));
        let asked: Vec<PeerId> = core::iter::from_fn(|| query.next(NOW, |_| true))
            .map(|(peer, _)| peer)
            .collect();
        assert_eq!(asked, [start[0].peer, start[1].peer, start[2].peer]);
        // Somebody closer turns up, one fails, one is banned.
        query.answered(&asked[0], vec![contact(99)]);
        assert_eq!(query.next(NOW, |_| true).unwrap().0, target);
        query.failed(&asked[1]);
        query.answered(&asked[2], vec![]);
        query.answered(&target, vec![]);
        assert!(!query.is_done());
        assert_eq!(
            query.next(NOW, |peer| *peer != start[3].peer).unwrap().0,
            start[4].peer
        );
        query.answered(&start[4].peer, vec![]);
        assert!(query.is_done() && query.next(NOW, |_| true).is_none());
        assert!(query.found().is_some());
        assert_eq!(query.closest(), [target, asked[0], asked[2], start[4].peer]);
    }

    #[test]
    fn endless_answers_are_forgotten() {
        let mut query = Query::new(contact(0).peer, false, vec![contact(1)], LATER);
        let (first, _) = query.next(NOW, |_| true).unwrap();
        let flood = (0..2000u16)
            .map(|index| {
                let mut seed = [7; 32];
                seed[..2].copy_from_slice(&index.to_be_bytes());
                Contact {
                    peer: Keypair::from_seed(seed).peer_id(),
                    ..contact(1)
                }
            })
            .collect();
        query.answered(&first, flood);
        assert_eq!(query.candidates.len(), MAX_CANDIDATES);
    }

    #[test]
    fn peers_that_do_not_answer_hold_nobody_up_for_long() {
        let start: Vec<Contact> = (1..10).map(contact).collect();
        let mut query = Query::new(contact(99).peer, false, start, LATER);
        for _ in 0..ALPHA {
            assert!(query.next(NOW, |_| true).is_some());
        }
        assert!(query.next(NOW, |_| true).is_none());
        assert_eq!(query.wake_at(NOW), NOW + SLOW);
        let late = NOW + SLOW;
        for _ in 0..ALPHA {
            assert!(query.next(late, |_| true).is_some());
        }
        assert!(query.next(late, |_| true).is_none());
        assert_eq!(query.wake_at(NOW + 2 * SLOW), LATER);
    }
}
