//! The routing table: up to K peers for each distance.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::key::Key;
use super::message::Contact;
use basalt_terms::multiaddr::Multiaddr;
use basalt_terms::peer_id::PeerId;
use basalt_terms::time::Instant;

/// Peers per bucket, and in an answer.
pub const K: usize = 20;

/// How long a peer that is away keeps its place when another one wants it: long enough to be
/// dialed.
const GRACE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
struct Node {
    peer: PeerId,
    key: Key,
    addresses: Vec<Multiaddr>,
    connected: bool,
    /// When `connected` changed last.
    since: Instant,
}

/// Peers of one distance, and one that waits for a place among them.
#[derive(Debug, Default)]
struct Bucket {
    nodes: Vec<Node>,
    pending: Option<(Node, Instant)>,
}

impl Bucket {
    /// The peer that has been away for the longest.
    fn away(&mut self) -> Option<&mut Node> {
        let away = self.nodes.iter_mut().filter(|node| !node.connected);
        away.min_by_key(|node| node.since)
    }

    /// Gives the waiting peer a place in the bucket, if one is free.
    fn settle(&mut self) {
        if let Some((node, _)) = self.pending.take() {
            if self.nodes.len() < K {
                self.nodes.push(node);
            } else if let Some(place) = self.away() {
                *place = node;
            }
        }
    }
}

/// What became of a peer that wants a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It has one.
    Yes,
    /// It gets the place of this peer, which is away, unless that comes back soon.
    Waits(PeerId, Vec<Multiaddr>),
    /// All places are taken by connected peers. They are never replaced, so a flood of new peers
    /// cannot push them out.
    No,
}

/// The routing table of one peer.
#[derive(Debug)]
pub(super) struct Table {
    local: Key,
    buckets: BTreeMap<u8, Bucket>,
}

impl Table {
    pub(super) fn new(local: Key) -> Self {
        Self {
            local,
            buckets: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.values().map(|bucket| bucket.nodes.len()).sum()
    }

    fn bucket(&mut self, peer: &PeerId) -> Option<&mut Bucket> {
        let index = self.local.distance(&Key::from(peer)).bucket()?;
        self.buckets.get_mut(&index)
    }

    fn node(&self, peer: &PeerId) -> Option<&Node> {
        let index = self.local.distance(&Key::from(peer)).bucket()?;
        let nodes = &self.buckets.get(&index)?.nodes;
        nodes.iter().find(|node| node.peer == *peer)
    }

    /// Puts in a peer that is connected, or renews its addresses.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        peer: PeerId,
        addresses: Vec<Multiaddr>,
    ) -> Inserted {
        let key = Key::from(&peer);
        let Some(index) = self.local.distance(&key).bucket() else {
            return Inserted::No;
        };
        let bucket = self.buckets.entry(index).or_default();
        if let Some((node, _)) = &mut bucket.pending
            && node.peer == peer
        {
            node.addresses = addresses;
            return Inserted::No;
        }
        if let Some(node) = bucket.nodes.iter_mut().find(|node| node.peer == peer) {
            node.addresses = addresses;
            node.connected = true;
            return Inserted::Yes;
        }
        let node = Node {
            peer,
            key,
            addresses,
            connected: true,
            since: now,
        };
        if bucket.nodes.len() < K {
            bucket.nodes.push(node);
            return Inserted::Yes;
        }
        if bucket.pending.is_some() {
            return Inserted::No;
        }
        let Some(away) = bucket.away() else {
            return Inserted::No;
        };
        let waits = Inserted::Waits(away.peer, away.addresses.clone());
        bucket.pending = Some((node, now + GRACE));
        waits
    }

    /// A peer is connected, or is not any more.
    pub(super) fn set_connected(&mut self, now: Instant, peer: &PeerId, connected: bool) {
        let Some(bucket) = self.bucket(peer) else {
            return;
        };
        if !connected
            && bucket
                .pending
                .as_ref()
                .is_some_and(|(node, _)| node.peer == *peer)
        {
            bucket.pending = None;
        }
        if let Some(node) = bucket.nodes.iter_mut().find(|node| node.peer == *peer)
            && node.connected != connected
        {
            node.connected = connected;
            node.since = now;
        }
    }

    /// A disconnected peer cannot be reached: if another peer waits for its place, it loses it.
    pub(super) fn unreachable(&mut self, peer: &PeerId) {
        if self.node(peer).is_some_and(|node| !node.connected)
            && let Some(bucket) = self.bucket(peer)
            && bucket.pending.is_some()
        {
            bucket.nodes.retain(|node| node.peer != *peer);
            bucket.settle();
        }
    }

    pub(super) fn remove(&mut self, peer: &PeerId) {
        if let Some(bucket) = self.bucket(peer) {
            bucket.nodes.retain(|node| node.peer != *peer);
            if bucket.nodes.len() < K {
                bucket.settle();
            }
        }
    }

    /// When the time of the next waiting peer is over.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let due = |bucket: &Bucket| bucket.pending.as_ref().map(|&(_, due)| due);
        self.buckets.values().filter_map(due).min()
    }

    /// Lets peers whose waiting time is over take the places of those that did not come back.
    pub(super) fn tick(&mut self, now: Instant) {
        for bucket in self.buckets.values_mut() {
            if bucket.pending.as_ref().is_some_and(|&(_, due)| due <= now) {
                bucket.settle();
            }
        }
    }

    pub(super) fn addresses(&self, peer: &PeerId) -> Option<&[Multiaddr]> {
        self.node(peer).map(|node| &node.addresses[..])
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = &PeerId> {
        let nodes = self.buckets.values().flat_map(|bucket| &bucket.nodes);
        nodes.map(|node| &node.peer)
    }

    /// The peers closest to a place, closest first.
    pub(super) fn closest(&self, key: &Key, count: usize, except: Option<&PeerId>) -> Vec<Contact> {
        let mut nodes: Vec<&Node> = self
            .buckets
            .values()
            .flat_map(|bucket| &bucket.nodes)
            .filter(|node| Some(&node.peer) != except)
            .collect();
        nodes.sort_unstable_by_key(|node| node.key.distance(key));
        let contact = |node: &Node| Contact {
            peer: node.peer,
            addresses: node.addresses.clone(),
            connected: node.connected,
        };
        nodes.into_iter().take(count).map(contact).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypair::Keypair;
    use alloc::vec;

    fn peers(count: u16) -> Vec<PeerId> {
        let seed = |index: u16| {
            let mut seed = [0; 32];
            seed[..2].copy_from_slice(&index.to_be_bytes());
            seed
        };
        (0..count)
            .map(|index| Keypair::from_seed(seed(index)).peer_id())
            .collect()
    }

    #[test]
    fn the_closest_are_the_closest() {
        let all = peers(200);
        let mut table = Table::new(Key::from(&all[0]));
        for peer in &all {
            table.insert(Instant::ZERO, *peer, vec![]);
        }
        // The farther half of the space has one bucket: most of it does not fit.
        assert!(table.len() < 150);
        let target = Key::of(b"target");
        let mut known: Vec<PeerId> = all
            .iter()
            .filter(|&peer| table.node(peer).is_some())
            .copied()
            .collect();
        known.sort_by_key(|peer| Key::from(peer).distance(&target));
        let found: Vec<PeerId> = table
            .closest(&target, K, None)
            .into_iter()
            .map(|contact| contact.peer)
            .collect();
        assert_eq!(found, known[..K]);
        let others = table.closest(&target, K, Some(&known[0]));
        assert_eq!(others[0].peer, known[1]);
    }

    #[test]
    fn a_full_bucket_gives_the_place_of_whoever_is_away() {
        let all = peers(120);
        let local = Key::from(&all[0]);
        let mut far: Vec<PeerId> = all[1..].to_vec();
        far.retain(|peer| Key::from(peer).distance(&local).bucket() == Some(255));
        let mut table = Table::new(local);
        let at = Instant::from_millis;
        let insert = |table: &mut Table, now, peer: usize| table.insert(now, far[peer], vec![]);
        for peer in 0..K {
            assert_eq!(insert(&mut table, at(0), peer), Inserted::Yes);
        }
        assert_eq!(insert(&mut table, at(0), K), Inserted::No);
        table.set_connected(at(2), &far[3], false);
        table.set_connected(at(1), &far[7], false);
        let has = |table: &Table, peer: usize| table.addresses(&far[peer]).is_some();

        // Who is away is asked first, and stays if it comes back.
        let waits = |peer: usize| Inserted::Waits(far[peer], vec![]);
        assert_eq!(insert(&mut table, at(3), K), waits(7));
        assert_eq!(insert(&mut table, at(3), K + 1), Inserted::No);
        table.set_connected(at(4), &far[7], true);
        table.set_connected(at(4), &far[3], true);
        assert_eq!(table.wake_at(), Some(at(3) + GRACE));
        table.tick(at(3) + GRACE);
        assert!(!has(&table, K) && has(&table, 7) && table.wake_at().is_none());

        // It loses its place when its time is over, or when it is known to be gone.
        table.set_connected(at(5), &far[3], false);
        assert_eq!(insert(&mut table, at(6), K), waits(3));
        table.tick(at(7));
        assert!(has(&table, 3));
        table.tick(at(6) + GRACE);
        assert!(!has(&table, 3) && has(&table, K));
        table.set_connected(at(8), &far[9], false);
        assert_eq!(insert(&mut table, at(8), K + 1), waits(9));
        table.unreachable(&far[9]);
        assert!(!has(&table, 9) && has(&table, K + 1));

        // Who waits and leaves gets nothing; who waits gets a place that becomes free.
        table.set_connected(at(9), &far[10], false);
        assert_eq!(insert(&mut table, at(9), K + 2), waits(10));
        table.set_connected(at(9), &far[K + 2], false);
        assert!(table.wake_at().is_none());
        assert_eq!(insert(&mut table, at(9), K + 2), waits(10));
        table.remove(&far[0]);
        assert!(has(&table, K + 2) && has(&table, 10));
        assert_eq!(table.len(), K);
    }
}
