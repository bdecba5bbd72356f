//! Kademlia as Fluence uses it: finding peers, nothing else (libp2p "kad-dht", server mode).
//!
//! A [`Kad`] holds the routing table and runs searches. It opens no streams: it says whom to ask
//! with [`Kad::poll`] and is told the answers. Peers enter the table when they are connected and
//! their identify lists the protocol of the same network, so that networks do not mix. Records and
//! providers are never kept.

mod key;
pub mod message;
mod query;
mod table;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub use key::{Distance, Key};
pub use message::{Contact, Kind, Message};
pub use table::K;

use self::query::Query;
use self::table::{Inserted, Table};
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// Searches for random points when the table is refreshed. A few suffice: half of the space is one
/// bucket, a quarter the next, and so on.
const RANDOM_PLACES: usize = 3;
/// Bytes of addresses in an answer. Other libraries refuse messages of more than 16 KiB, and peers
/// may tell long addresses of themselves.
const MAX_ANSWER: usize = 12 * 1024;

/// What Kademlia may cost.
#[derive(Clone, Debug)]
pub struct Config {
    /// Time for one search; what is known by then is its result.
    pub query_timeout: Duration,
    /// Searches at the same time. Bounds scripts that look for ever more peers.
    pub max_queries: usize,
    /// Failures after which a peer is not asked for a while.
    pub fail_threshold: u8,
    /// For how long it is not asked.
    pub ban: Duration,
    /// Peers whose failures are remembered. Bounds answers full of peers that do not exist.
    pub max_failures: usize,
    /// Pause between searches for this peer's own place and a few random ones, which keep the table
    /// fresh.
    pub refresh: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            query_timeout: Duration::from_secs(3),
            max_queries: 64,
            fail_threshold: 3,
            ban: Duration::from_secs(60),
            max_failures: 1024,
            refresh: Duration::from_secs(300),
        }
    }
}

/// Names one search.
pub type QueryId = u64;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask `peer` who is close to `target`, dialing it first if it is not connected; then tell
    /// [`Kad::answered`] or [`Kad::failed`].
    Ask {
        /// The search this is for.
        query: QueryId,
        /// The peer to ask.
        peer: PeerId,
        /// Where it is said to be.
        addresses: Vec<Multiaddr>,
        /// What it is asked for.
        target: PeerId,
    },
    /// Dial a peer whose place in the table another one wants; then tell [`Kad::connected`] or
    /// [`Kad::unreachable`].
    Check {
        /// The peer.
        peer: PeerId,
        /// Where it was.
        addresses: Vec<Multiaddr>,
    },
    /// A search for a peer is over.
    Done {
        /// The peer that was searched.
        target: PeerId,
        /// Where it is; empty if nobody knows.
        addresses: Vec<Multiaddr>,
        /// The peers closest to it, closest first.
        closest: Vec<PeerId>,
    },
}

#[derive(Debug)]
struct Failures {
    count: u8,
    last: Instant,
}

impl Failures {
    /// Whether a peer failed so often that it is left alone for now.
    fn is_ban(&self, config: &Config, now: Instant) -> bool {
        self.count >= config.fail_threshold && now.since(self.last) < config.ban
    }
}

/// One peer's part in the hash table.
#[derive(Debug)]
pub struct Kad {
    config: Config,
    local: PeerId,
    table: Table,
    queries: BTreeMap<QueryId, Query>,
    next_query: QueryId,
    failures: BTreeMap<PeerId, Failures>,
    next_refresh: Option<Instant>,
    /// Peers whose places are wanted.
    checks: Vec<(PeerId, Vec<Multiaddr>)>,
    rng: ChaCha20Rng,
    /// The time of the last [`poll`](Self::poll).
    now: Instant,
}

/// Why a peer is not searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotFind {
    /// It failed too often of late.
    Banned,
    /// Too many searches are under way.
    Busy,
}

impl core::fmt::Display for CannotFind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Banned => "the peer failed too often and is left alone for a while",
            Self::Busy => "too many searches for peers are under way",
        })
    }
}

impl core::error::Error for CannotFind {}

impl Kad {
    /// The part of peer `local`. `seed` chooses the random places that are searched.
    pub fn new(config: Config, local: PeerId, seed: [u8; 32]) -> Self {
        Self {
            config,
            local,
            table: Table::new(Key::from(&local)),
            queries: BTreeMap::new(),
            next_query: 1,
            failures: BTreeMap::new(),
            next_refresh: None,
            checks: Vec::new(),
            rng: ChaCha20Rng::from_seed(seed),
            now: Instant::ZERO,
        }
    }

    /// Peers in the routing table.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether the routing table is empty.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// A connected peer lists the protocol and these addresses.
    pub fn identified(&mut self, now: Instant, peer: PeerId, addresses: Vec<Multiaddr>) {
        let was_empty = self.is_empty();
        self.failures.remove(&peer);
        match self.table.insert(now, peer, addresses) {
            // The first peer of the network: ask it who else there is.
            Inserted::Yes if was_empty => self.next_refresh = Some(now),
            Inserted::Waits(away, addresses) => self.checks.push((away, addresses)),
            Inserted::Yes | Inserted::No => {}
        }
    }

    /// A peer does not list the protocol (any more).
    pub fn not_of_network(&mut self, peer: &PeerId) {
        self.table.remove(peer);
    }

    /// Looks at once who is near and who is far.
    pub fn refresh(&mut self, now: Instant) {
        self.next_refresh = Some(now);
    }

    /// A peer is connected.
    pub fn connected(&mut self, now: Instant, peer: &PeerId) {
        self.table.set_connected(now, peer, true);
    }

    /// A peer that was to be checked cannot be reached.
    pub fn unreachable(&mut self, peer: &PeerId) {
        self.table.unreachable(peer);
    }

    /// A peer is not connected any more.
    pub fn disconnected(&mut self, now: Instant, peer: &PeerId) {
        self.table.set_connected(now, peer, false);
    }

    /// Answers a request of `from`; `None` if there is nothing to say.
    pub fn answer(&self, from: &PeerId, request: &Message) -> Option<Message> {
        let Message { kind, key, .. } = request;
        let mut closer = match kind {
            Kind::AddProvider => return None,
            Kind::FindNode => self.table.closest(&Key::of(key), K, Some(from)),
            Kind::PutValue | Kind::GetValue | Kind::GetProviders | Kind::Ping => Vec::new(),
        };
        // Each has the same part, so that one with long addresses takes nothing from the others.
        let share = MAX_ANSWER / closer.len().max(1);
        for contact in &mut closer {
            let mut left = share;
            contact.addresses.retain(|address| {
                let fits = address.as_bytes().len() <= left;
                left -= if fits { address.as_bytes().len() } else { 0 };
                fits
            });
        }
        Some(Message {
            kind: *kind,
            key: key.clone(),
            closer,
        })
    }

    /// The known peers closest to a place, closest first.
    pub fn closest(&self, key: &Key, count: usize) -> Vec<Contact> {
        self.table.closest(key, count, None)
    }

    /// The addresses of a peer in the routing table.
    pub fn addresses(&self, peer: &PeerId) -> Option<&[Multiaddr]> {
        self.table.addresses(peer)
    }

    /// The peers in the routing table.
    pub fn peers(&self) -> impl Iterator<Item = &PeerId> {
        self.table.peers()
    }

    /// Starts to search a peer; [`Action::Done`] follows.
    pub fn find(&mut self, now: Instant, target: PeerId) -> Result<(), CannotFind> {
        let failures = self.failures.get(&target);
        if failures.is_some_and(|failures| failures.is_ban(&self.config, now)) {
            return Err(CannotFind::Banned);
        }
        let mut queries = self.queries.values();
        if queries.any(|query| query.target == target && !query.refreshes) {
            return Ok(());
        }
        if self.queries.len() >= self.config.max_queries {
            return Err(CannotFind::Busy);
        }
        self.start(now, target, false);
        Ok(())
    }

    fn start(&mut self, now: Instant, target: PeerId, refreshes: bool) {
        let start = self.table.closest(&Key::from(&target), K, None);
        let deadline = now + self.config.query_timeout;
        let query = Query::new(target, refreshes, start, deadline);
        self.queries.insert(self.next_query, query);
        self.next_query += 1;
    }

    /// Searches oneself, which fills the buckets around oneself and tells others of us, and random
    /// places, which fill those far away.
    fn start_refresh(&mut self, now: Instant) {
        self.next_refresh = (!self.is_empty()).then(|| now + self.config.refresh);
        if self.queries.values().any(|query| query.refreshes) {
            return;
        }
        self.start(now, self.local, true);
        for _ in 0..RANDOM_PLACES {
            // The form of an id whose key is not known: a SHA-256 multihash.
            let mut id = [0; 34];
            self.rng.fill_bytes(&mut id[2..]);
            id[..2].copy_from_slice(&[0x12, 32]);
            if let Ok(target) = PeerId::from_bytes(&id) {
                self.start(now, target, true);
            }
        }
    }

    /// A peer that was asked has answered.
    pub fn answered(&mut self, query: QueryId, peer: &PeerId, mut closer: Vec<Contact>) {
        self.failures.remove(peer);
        if let Some(query) = self.queries.get_mut(&query) {
            closer.retain(|contact| contact.peer != self.local);
            query.answered(peer, closer);
        }
    }

    /// A peer that was to be asked cannot be reached or does not answer.
    pub fn failed(&mut self, now: Instant, query: QueryId, peer: &PeerId) {
        if let Some(query) = self.queries.get_mut(&query) {
            query.failed(peer);
        }
        self.count_failure(now, peer);
    }

    fn count_failure(&mut self, now: Instant, peer: &PeerId) {
        if !self.failures.contains_key(peer) && self.failures.len() >= self.config.max_failures {
            let ban = self.config.ban;
            self.failures
                .retain(|_, failures| now.since(failures.last) < ban);
            if self.failures.len() >= self.config.max_failures {
                self.failures.pop_first();
            }
        }
        let failures = self.failures.entry(*peer).or_insert(Failures {
            count: 0,
            last: now,
        });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if failures.count >= self.config.fail_threshold {
            self.table.remove(peer);
        }
    }

    /// When [`poll`](Self::poll) has something to say, if nothing is told before.
    pub fn wake_at(&self) -> Option<Instant> {
        let queries = self.queries.values().map(|query| query.wake_at(self.now));
        queries
            .chain(self.next_refresh)
            .chain(self.table.wake_at())
            .min()
    }

    /// What is to be done next; `None` until something changes or [`wake_at`](Self::wake_at) comes.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        self.now = now;
        self.table.tick(now);
        if let Some((peer, addresses)) = self.checks.pop() {
            return Some(Action::Check { peer, addresses });
        }
        if self.next_refresh.is_some_and(|due| due <= now) {
            self.start_refresh(now);
        }
        let ids: Vec<QueryId> = self.queries.keys().copied().collect();
        for id in ids {
            let Some(query) = self.queries.get_mut(&id) else {
                continue;
            };
            let target = query.target;
            if now < query.deadline {
                let next = query.next(now, |peer| {
                    let failures = self.failures.get(peer);
                    !failures.is_some_and(|failures| failures.is_ban(&self.config, now))
                });
                if let Some((peer, addresses)) = next {
                    return Some(Action::Ask {
                        query: id,
                        peer,
                        addresses,
                        target,
                    });
                }
                if !query.is_done() && (query.refreshes || query.found().is_none()) {
                    continue;
                }
            }
            let addresses = query.found().unwrap_or_default();
            let (refreshes, closest) = (query.refreshes, query.closest());
            self.queries.remove(&id);
            if !refreshes {
                if addresses.is_empty() {
                    self.count_failure(now, &target);
                }
                return Some(Action::Done {
                    target,
                    addresses,
                    closest,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypair::Keypair;
    use alloc::format;

    #[test]
    fn an_answer_with_long_addresses_is_one_that_others_take() {
        let peer = |index: u8| Keypair::from_seed([index; 32]).peer_id();
        let mut kad = Kad::new(Config::default(), peer(0), [1; 32]);
        for index in 1..=30 {
            let label = "x".repeat(60);
            let long = |n| format!("/dns4/{n}.{label}.{label}.{label}.example/tcp/7770");
            let short = format!("/ip4/192.0.2.{index}/tcp/7770");
            let addresses = (0..10).map(long).chain([short]);
            let addresses = addresses.map(|text| text.parse().unwrap()).collect();
            kad.identified(Instant::ZERO, peer(index), addresses);
        }
        let asked = Message::find_node(&peer(99));
        let answer = kad.answer(&peer(50), &asked).unwrap();
        assert_eq!(answer.closer.len(), K);
        for contact in &answer.closer {
            let addresses = &contact.addresses;
            assert!((1..11).contains(&addresses.len()), "{}", addresses.len());
        }
        assert!(answer.encode().len() < 16 << 10);
    }
}
