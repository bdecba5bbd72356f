//! The routing table: up to K peers for each distance.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::K;
use super::key::Key;
use super::message::Contact;
use crate::multiaddr::Multiaddr;
use crate::peer_id::PeerId;
use crate::time::Instant;

#[derive(Clone, Debug)]
struct Node {
    peer: PeerId,
    key: Key,
    addresses: Vec<Multiaddr>,
    connected: bool,
    /// When `connected` changed last.
    since: Instant,
}

/// The routing table of one peer.
#[derive(Debug)]
pub(super) struct Table {
    local: Key,
    buckets: BTreeMap<u8, Vec<Node>>,
}

impl Table {
    pub(super) fn new(local: Key) -> Self {
        Self {
            local,
            buckets: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.values().map(Vec::len).sum()
    }

    fn node(&mut self, peer: &PeerId) -> Option<&mut Node> {
        let index = self.local.distance(&Key::from(peer)).bucket()?;
        self.buckets
            .get_mut(&index)?
            .iter_mut()
            .find(|node| node.peer == *peer)
    }

    /// Puts in a peer that is connected, or renews its addresses. In a full bucket it takes the place of
    /// the peer that has been away for the longest; if nobody is away it is not taken: old peers have
    /// proven that they stay, and nobody can flood them out.
    pub(super) fn insert(&mut self, now: Instant, peer: PeerId, addresses: Vec<Multiaddr>) -> bool {
        if let Some(node) = self.node(&peer) {
            node.addresses = addresses;
            return true;
        }
        let key = Key::from(&peer);
        let Some(index) = self.local.distance(&key).bucket() else {
            return false;
        };
        let bucket = self.buckets.entry(index).or_default();
        let node = Node {
            peer,
            key,
            addresses,
            connected: true,
            since: now,
        };
        if bucket.len() < K {
            bucket.push(node);
            return true;
        }
        let away = bucket
            .iter_mut()
            .filter(|node| !node.connected)
            .min_by_key(|node| node.since);
        match away {
            Some(place) => {
                *place = node;
                true
            }
            None => false,
        }
    }

    pub(super) fn set_connected(&mut self, now: Instant, peer: &PeerId, connected: bool) {
        if let Some(node) = self.node(peer)
            && node.connected != connected
        {
            node.connected = connected;
            node.since = now;
        }
    }

    pub(super) fn remove(&mut self, peer: &PeerId) {
        let Some(index) = self.local.distance(&Key::from(peer)).bucket() else {
            return;
        };
        if let Some(bucket) = self.buckets.get_mut(&index) {
            bucket.retain(|node| node.peer != *peer);
        }
    }

    pub(super) fn addresses(&mut self, peer: &PeerId) -> Option<&[Multiaddr]> {
        self.node(peer).map(|node| &node.addresses[..])
    }

    /// The peers closest to a place, closest first.
    pub(super) fn closest(&self, key: &Key, count: usize, except: Option<&PeerId>) -> Vec<Contact> {
        let mut nodes: Vec<&Node> = self.buckets.values().flatten().collect();
        nodes.sort_unstable_by_key(|node| node.key.distance(key));
        let contact = |node: &Node| Contact {
            peer: node.peer,
            addresses: node.addresses.clone(),
            connected: node.connected,
        };
        let wanted = nodes.into_iter().filter(|node| Some(&node.peer) != except);
        wanted.take(count).map(contact).collect()
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
        for peer in &far[..K] {
            assert!(table.insert(Instant::ZERO, *peer, vec![]));
        }
        assert!(!table.insert(Instant::ZERO, far[K], vec![]));
        table.set_connected(Instant::from_millis(2), &far[3], false);
        table.set_connected(Instant::from_millis(1), &far[7], false);
        assert!(table.insert(Instant::from_millis(3), far[K], vec![]));
        assert!(table.addresses(&far[7]).is_none() && table.addresses(&far[3]).is_some());
        table.remove(&far[0]);
        assert!(table.insert(Instant::from_millis(4), far[K + 1], vec![]));
        assert_eq!(table.len(), K);
    }
}
