//! What is given to many and must not go to one: pools with shares.
//!
//! A pool is something of which the node has so much and no more: places for particles, timers,
//! fetches, bytes. Whoever takes from it is named by a [`Payer`]. What one may have depends on what
//! is left: an author as much as is free, the connection that its particles come by twice, the
//! address of that connection four times as much. So one author gets half of a pool at most, and
//! whoever comes next finds half of the rest. Keys cost nothing; the shares of connection and
//! address bound how much many keys can take together. The last part of a pool is kept for the
//! host and the operator, who may take everything.
//!
//! To use one: [`Pool::take`] before the thing is made, [`Pool::give`] when it is gone, with the
//! same payer and the same amount.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

use basalt_net::peer_id::PeerId;

/// Part of a pool that is kept for the host and the operator: one of so many, one at least when
/// the pool has that many.
const RESERVE: u64 = 16;
/// How much more than one author the connection may have that its particles come by.
const CONNECTION: u64 = 2;
/// The same for all connections of one address.
const ADDRESS: u64 = 4;

/// Where a particle came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    peer: Option<PeerId>,
    network: Option<IpAddr>,
}

impl Origin {
    /// From a connected peer at an address. All of an IPv6 /64 are one; a loopback address is
    /// nobody's in particular.
    pub fn new(peer: PeerId, address: Option<IpAddr>) -> Origin {
        Origin {
            peer: Some(peer),
            network: address.and_then(network),
        }
    }
}

impl Origin {
    /// The place and the connected peer that it stands for in a line.
    pub(crate) fn line(&self) -> (Place, Option<PeerId>) {
        let place = match (self.network, self.peer) {
            (Some(network), _) => Place::Network(network),
            (None, Some(peer)) => Place::Peer(peer),
            (None, None) => Place::House,
        };
        (place, self.peer)
    }
}

fn network(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            Some(IpAddr::V6(octets.into()))
        }
        address => Some(address),
    }
}

/// Who pays for something: the author of a particle, and where it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payer {
    /// `None`: the host or the operator.
    author: Option<PeerId>,
    origin: Origin,
}

/// Where the particles come from that one pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// This machine: the host, the operator, workers.
    House,
    /// An address; all of an IPv6 /64 are one.
    Network(IpAddr),
    /// A connection whose address says nothing.
    Peer(PeerId),
}

impl Payer {
    /// The place, the connected peer and the author that it stands for in a line.
    pub(crate) fn line(&self) -> (Place, Option<PeerId>, Option<PeerId>) {
        let (place, peer) = self.origin.line();
        (place, peer, self.author)
    }

    /// The host or the operator, who may take everything.
    pub const HOUSE: Payer = Payer {
        author: None,
        origin: Origin {
            peer: None,
            network: None,
        },
    };

    /// Anybody else.
    pub fn author(author: PeerId, origin: Origin) -> Payer {
        Payer {
            author: Some(author),
            origin,
        }
    }

    /// Whether it is the host or the operator.
    pub fn is_house(&self) -> bool {
        self.author.is_none()
    }
}

/// Why a pool gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There is nothing left.
    All,
    /// The author has its share.
    Author,
    /// The connection or the address that the particle came by has its share.
    Origin,
}

/// So much of something.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    size: u64,
    reserve: u64,
    used: u64,
    authors: BTreeMap<PeerId, u64>,
    peers: BTreeMap<PeerId, u64>,
    networks: BTreeMap<IpAddr, u64>,
}

impl Pool {
    /// A full pool.
    pub fn new(size: u64) -> Pool {
        Pool {
            size,
            reserve: size / RESERVE + u64::from(size > 2 && size < RESERVE),
            ..Pool::default()
        }
    }

    /// What is taken.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Whether a payer may have an amount.
    ///
    /// # Errors
    /// It may not.
    pub fn may_take(&self, payer: &Payer, amount: u64) -> Result<(), Full> {
        let left = self.size.saturating_sub(self.used);
        let Some(author) = &payer.author else {
            return (amount <= left).then_some(()).ok_or(Full::All);
        };
        let left = left.saturating_sub(self.reserve);
        if amount > left {
            return Err(Full::All);
        }
        let has = self.authors.get(author).copied().unwrap_or(0);
        if has.saturating_add(amount) > left {
            return Err(Full::Author);
        }
        let Origin { peer, network } = payer.origin;
        let of_peer = peer.and_then(|peer| self.peers.get(&peer)).copied();
        let of_network = network.and_then(|network| self.networks.get(&network));
        let of_network = of_network.copied();
        for (has, times) in [(of_peer, CONNECTION), (of_network, ADDRESS)] {
            if has.unwrap_or(0).saturating_add(amount) > left.saturating_mul(times) {
                return Err(Full::Origin);
            }
        }
        Ok(())
    }

    /// Takes an amount.
    ///
    /// # Errors
    /// The payer may not have it; nothing is taken.
    pub fn take(&mut self, payer: &Payer, amount: u64) -> Result<(), Full> {
        self.may_take(payer, amount)?;
        self.add(payer, amount);
        Ok(())
    }

    /// Counts an amount that is taken already, whether there is so much or not.
    pub fn add(&mut self, payer: &Payer, amount: u64) {
        if amount == 0 {
            return;
        }
        self.used += amount;
        if let Some(author) = payer.author {
            *self.authors.entry(author).or_default() += amount;
            if let Some(peer) = payer.origin.peer {
                *self.peers.entry(peer).or_default() += amount;
            }
            if let Some(network) = payer.origin.network {
                *self.networks.entry(network).or_default() += amount;
            }
        }
    }

    /// Gives an amount back that the payer took.
    pub fn give(&mut self, payer: &Payer, amount: u64) {
        self.used = self.used.saturating_sub(amount);
        if let Some(author) = payer.author {
            give(&mut self.authors, author, amount);
            if let Some(peer) = payer.origin.peer {
                give(&mut self.peers, peer, amount);
            }
            if let Some(network) = payer.origin.network {
                give(&mut self.networks, network, amount);
            }
        }
    }
}

fn give<K: Ord>(shares: &mut BTreeMap<K, u64>, key: K, amount: u64) {
    if let alloc::collections::btree_map::Entry::Occupied(mut share) = shares.entry(key) {
        *share.get_mut() = share.get().saturating_sub(amount);
        if *share.get() == 0 {
            share.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use basalt_net::keypair::Keypair;

    fn peer(n: u16) -> PeerId {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&n.to_le_bytes());
        Keypair::from_seed(seed).peer_id()
    }

    fn payer(author: u16, by: u16, address: &str) -> Payer {
        let origin = Origin::new(peer(by), Some(address.parse().unwrap()));
        Payer::author(peer(author), origin)
    }

    /// Takes one by one until there is no more; how much that was.
    fn drain(pool: &mut Pool, payers: &[Payer]) -> u64 {
        let before = pool.used();
        while payers.iter().any(|payer| pool.take(payer, 1).is_ok()) {}
        pool.used() - before
    }

    #[test]
    fn one_author_gets_half_and_the_next_finds_half_of_the_rest() {
        let mut pool = Pool::new(1600);
        assert_eq!(drain(&mut pool, &[payer(1, 1, "1.1.1.1")]), 750);
        assert_eq!(pool.take(&payer(1, 1, "1.1.1.1"), 1), Err(Full::Author));
        assert_eq!(drain(&mut pool, &[payer(2, 2, "2.2.2.2")]), 375);
        // All of it is the house's.
        assert_eq!(drain(&mut pool, &[Payer::HOUSE]), 475);
        assert_eq!(pool.take(&Payer::HOUSE, 1), Err(Full::All));
        pool.give(&payer(1, 1, "1.1.1.1"), 750);
        assert_eq!(drain(&mut pool, &[payer(3, 3, "3.3.3.3")]), 325);
    }

    #[test]
    fn many_keys_get_no_more_than_their_connection_and_their_address() {
        let mut pool = Pool::new(1600);
        let keys: [Payer; 50] = core::array::from_fn(|n| payer(n as u16, 1, "1.1.1.1"));
        assert_eq!(drain(&mut pool, &keys), 1000);
        assert_eq!(pool.take(&keys[49], 1), Err(Full::Origin));
        // The address has a third of what is left beside that.
        let keys: [Payer; 50] =
            core::array::from_fn(|n| payer(100 + n as u16, 2 + n as u16, "1.1.1.1"));
        assert_eq!(drain(&mut pool, &keys), 200);
        assert_eq!(pool.take(&payer(8, 8, "2.2.2.2"), 200), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_loopback_is_none() {
        let mut pool = Pool::new(1600);
        let keys: [Payer; 60] =
            core::array::from_fn(|n| payer(n as u16, n as u16, &alloc::format!("2001:db8::{n:x}")));
        assert_eq!(drain(&mut pool, &keys), 1200);
        let mut pool = Pool::new(1600);
        let keys: [Payer; 60] = core::array::from_fn(|n| payer(n as u16, n as u16, "::1"));
        assert!(drain(&mut pool, &keys) > 1400);
    }

    #[test]
    fn nothing_is_left_of_what_was_given_back() {
        let mut pool = Pool::new(3);
        let me = payer(1, 1, "1.1.1.1");
        assert_eq!(pool.take(&me, 1), Ok(()));
        assert_eq!(pool.take(&me, 3), Err(Full::All));
        pool.give(&me, 1);
        assert_eq!(pool.used(), 0);
        assert!(pool.authors.is_empty() && pool.peers.is_empty() && pool.networks.is_empty());
        let mut small = Pool::new(1);
        assert_eq!(small.take(&me, 1), Ok(()));
    }
}
