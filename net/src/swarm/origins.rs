//! On which connections particles came in, so that what follows goes back there: a peer may have
//! several, one for each tab of a browser, and only one of them waits for the answer.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use sha2::{Digest as _, Sha256};

use super::conn_id::ConnId;

/// Particles that are remembered, of all connections together. Bounds the memory for them: about
/// 2 MiB. When there are more, the connection with the most forgets its oldest.
const MAX_REMEMBERED: usize = 1 << 16;
/// Longest particle id that is remembered, in bytes. Bounds the work for giant ids.
const MAX_ID: usize = 1024;

/// Particle ids by the connection that they came in on.
#[derive(Debug)]
pub(super) struct Origins {
    /// Against ids that are chosen to have the same hash.
    seed: [u8; 32],
    conns: BTreeMap<ConnId, Arrived>,
    /// How many each connection has.
    sizes: BTreeSet<(usize, ConnId)>,
    len: usize,
    /// Number of the next arrival.
    next: u64,
    max: usize,
}

/// What came in on one connection.
#[derive(Debug, Default)]
struct Arrived {
    /// Hashes of ids, and the number of the latest arrival.
    ids: BTreeMap<u64, u64>,
    /// In the order of their first arrival.
    order: VecDeque<u64>,
}

impl Origins {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            conns: BTreeMap::new(),
            sizes: BTreeSet::new(),
            len: 0,
            next: 0,
            max: MAX_REMEMBERED,
        }
    }

    /// A particle came in.
    pub(super) fn arrived(&mut self, conn: ConnId, id: &str) {
        let Some(hash) = self.hash(id) else { return };
        let arrived = self.conns.entry(conn).or_default();
        let size = arrived.ids.len();
        let is_new = arrived.ids.insert(hash, self.next).is_none();
        self.next += 1;
        if !is_new {
            return;
        }
        arrived.order.push_back(hash);
        self.sizes.remove(&(size, conn));
        self.sizes.insert((size + 1, conn));
        self.len += 1;
        if self.len > self.max {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((size, conn)) = self.sizes.pop_last() else {
            return;
        };
        if let Some(arrived) = self.conns.get_mut(&conn)
            && let Some(hash) = arrived.order.pop_front()
        {
            arrived.ids.remove(&hash);
        }
        self.sizes.insert((size - 1, conn));
        self.len -= 1;
    }

    /// The connection among `conns` that a particle came in on, the latest if on several.
    pub(super) fn of(&self, conns: &[ConnId], id: &str) -> Option<ConnId> {
        let hash = self.hash(id)?;
        let arrival = |conn: &ConnId| {
            let number = self.conns.get(conn)?.ids.get(&hash)?;
            Some((*number, *conn))
        };
        let (_, conn) = conns.iter().filter_map(arrival).max()?;
        Some(conn)
    }

    /// A connection is over.
    pub(super) fn forget(&mut self, conn: ConnId) {
        if let Some(arrived) = self.conns.remove(&conn) {
            self.sizes.remove(&(arrived.ids.len(), conn));
            self.len -= arrived.ids.len();
        }
    }

    fn hash(&self, id: &str) -> Option<u64> {
        if id.len() > MAX_ID {
            return None;
        }
        let hash = Sha256::new().chain_update(self.seed).chain_update(id);
        let hash = hash.finalize();
        Some(u64::from_le_bytes(core::array::from_fn(|i| hash[i])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    const A: ConnId = ConnId(1);
    const B: ConnId = ConnId(2);

    #[test]
    fn the_latest_arrival_counts_and_only_on_connections_that_are_asked_about() {
        let mut origins = Origins::new([7; 32]);
        origins.arrived(A, "x");
        assert_eq!(origins.of(&[A, B], "x"), Some(A));
        assert_eq!(origins.of(&[B], "x"), None);
        assert_eq!(origins.of(&[A, B], "y"), None);
        origins.arrived(B, "x");
        assert_eq!(origins.of(&[A, B], "x"), Some(B));
        origins.arrived(A, "x");
        assert_eq!(origins.of(&[A, B], "x"), Some(A));
        origins.forget(A);
        assert_eq!(origins.of(&[A, B], "x"), Some(B));
        origins.forget(B);
        assert_eq!((origins.len, origins.sizes.len()), (0, 0));
    }

    #[test]
    fn who_sends_most_forgets_first() {
        let mut origins = Origins::new([7; 32]);
        origins.max = 100;
        origins.arrived(A, "quiet");
        for index in 0..1000 {
            origins.arrived(B, &index.to_string());
            assert!(origins.len <= 100);
        }
        assert_eq!(origins.of(&[A, B], "quiet"), Some(A));
        assert_eq!(origins.of(&[A, B], "999"), Some(B));
        assert_eq!(origins.of(&[A, B], "0"), None);
        assert_eq!(origins.of(&[A, B], &"i".repeat(5000)), None);
    }
}
