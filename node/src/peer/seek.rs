//! What waits for peers that are not connected: particles to send on, and calls of `peer.connect`.
//!
//! Everything for one peer waits together. First the addresses that are known are dialed; if nobody
//! answers there, or none is known, the network is searched once, and what was found is dialed.
//! Each step ends by itself: dials and searches have time limits of their own.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;

use crate::actors::CallId;
use crate::intake::particle_bytes;
use crate::shares::{Full, Payer, Pool};

/// What may wait for peers that are not connected.
#[derive(Debug, Clone)]
pub struct SeekLimits {
    /// Peers that are looked for at the same time. Against scripts that go to peers nobody knows.
    pub max_peers: usize,
    /// Particles that wait for one peer. Against floods for a peer that never comes.
    pub max_particles: usize,
    /// Bytes of all particles that wait. Against big particles for peers that never come.
    pub max_bytes: usize,
    /// Addresses of one peer that are dialed. Against lists of addresses that make the node connect
    /// to hosts that have nothing to do with it.
    pub max_dials: usize,
}

impl Default for SeekLimits {
    fn default() -> SeekLimits {
        SeekLimits {
            max_peers: 64,
            max_particles: 256,
            max_bytes: 16 << 20,
            max_dials: 8,
        }
    }
}

/// How far the search for a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Known addresses are dialed; if that fails the network is searched.
    Dialing,
    /// The network is searched.
    Searching,
    /// What was found, or was given by the caller, is dialed; there is nothing else to try.
    LastDials,
}

/// All that waits for one peer.
#[derive(Debug)]
pub(super) struct Seek {
    pub(super) stage: Stage,
    pub(super) particles: Vec<(Payer, Particle)>,
    /// Who pays for the search.
    payer: Payer,
    pub(super) calls: Vec<CallId>,
}

/// All that waits.
#[derive(Debug)]
pub(super) struct Seeks {
    limits: SeekLimits,
    peers: BTreeMap<PeerId, Seek>,
    searches: Pool,
    bytes: Pool,
}

impl Seeks {
    pub(super) fn new(limits: SeekLimits) -> Seeks {
        Seeks {
            peers: BTreeMap::new(),
            searches: Pool::new(limits.max_peers as u64),
            bytes: Pool::new(limits.max_bytes as u64),
            limits,
        }
    }

    pub(super) fn max_dials(&self) -> usize {
        self.limits.max_dials
    }

    pub(super) fn stage(&mut self, peer: &PeerId) -> Option<&mut Stage> {
        self.peers.get_mut(peer).map(|seek| &mut seek.stage)
    }

    /// Lets a particle wait. True if it is the first that waits for its peer: then it is up to the
    /// caller to look for that.
    pub(super) fn add_particle(
        &mut self,
        peer: PeerId,
        payer: Payer,
        particle: Particle,
    ) -> Result<bool, Full> {
        let waiting = self.peers.get(&peer).map_or(0, |seek| seek.particles.len());
        let bytes = particle_bytes(&particle) as u64;
        if waiting >= self.limits.max_particles {
            return Err(Full::All);
        }
        self.bytes.may_take(&payer, bytes)?;
        let (seek, first) = self.seek(peer, payer)?;
        seek.particles.push((payer, particle));
        self.bytes.add(&payer, bytes);
        Ok(first)
    }

    /// Lets a call wait; otherwise as [`Seeks::add_particle`]. The node bounds the number of calls.
    pub(super) fn add_call(
        &mut self,
        peer: PeerId,
        payer: Payer,
        call: CallId,
    ) -> Result<bool, Full> {
        let (seek, first) = self.seek(peer, payer)?;
        seek.calls.push(call);
        Ok(first)
    }

    fn seek(&mut self, peer: PeerId, payer: Payer) -> Result<(&mut Seek, bool), Full> {
        let first = !self.peers.contains_key(&peer);
        if first {
            self.searches.take(&payer, 1)?;
        }
        let seek = self.peers.entry(peer).or_insert(Seek {
            stage: Stage::Dialing,
            particles: Vec::new(),
            calls: Vec::new(),
            payer,
        });
        Ok((seek, first))
    }

    /// The waiting is over, one way or the other.
    pub(super) fn take(&mut self, peer: &PeerId) -> Option<Seek> {
        let seek = self.peers.remove(peer)?;
        self.searches.give(&seek.payer, 1);
        for (payer, particle) in &seek.particles {
            self.bytes.give(payer, particle_bytes(particle) as u64);
        }
        Some(seek)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec;
    use basalt_net::keypair::Keypair;
    use basalt_net::particle::Authored;

    use crate::shares::Origin;

    pub(in super::super) fn peer(n: u8) -> PeerId {
        Keypair::from_seed([n; 32]).peer_id()
    }

    pub(in super::super) fn particle(size: usize) -> Particle {
        let authored = Authored {
            id: String::new(),
            init_peer_id: peer(1),
            timestamp: 0,
            ttl: 0,
            script: String::new(),
            signature: vec![],
        };
        Particle::new(authored, vec![0; size])
    }

    #[test]
    fn each_budget_holds_and_is_given_back() {
        let mut seeks = Seeks::new(SeekLimits {
            max_peers: 2,
            max_particles: 2,
            max_bytes: 100,
            max_dials: 8,
        });
        let house = Payer::HOUSE;
        let stranger = Payer::author(peer(9), Origin::default());
        let mut add = |n, size| seeks.add_particle(peer(n), house, particle(size));
        assert_eq!(add(1, 10), Ok(true));
        assert_eq!(add(1, 10), Ok(false));
        assert_eq!(add(1, 10), Err(Full::All));
        assert_eq!(add(2, 81), Err(Full::All));
        assert_eq!(add(2, 80), Ok(true));
        assert_eq!(add(3, 0), Err(Full::All));
        assert_eq!(seeks.take(&peer(2)).unwrap().particles.len(), 1);
        let mut add = |n, size| seeks.add_particle(peer(n), stranger, particle(size));
        assert_eq!(add(3, 30), Ok(true));
        assert_eq!(add(3, 30), Err(Full::Author));
        assert_eq!(seeks.add_particle(peer(3), house, particle(50)), Ok(false));
        assert!(seeks.take(&peer(2)).is_none());
    }
}
