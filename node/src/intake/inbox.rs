//! Particles that came in and wait to be checked: a queue per connected peer. The queues are served
//! in turn, so that a peer that sends much does not make the others wait. The queue of a peer is
//! set aside while enough of what it sent waits to be run.
//!
//! A peer whose queue is long is not read from until the queue is short again: what it sends stays
//! in its own socket. The windows of its streams would not stop it, since each particle comes on a
//! new stream.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;

/// What may wait to be checked.
#[derive(Debug, Clone)]
pub struct InboxLimits {
    /// Particles of one peer before it is not read from any more. Against floods of small
    /// particles.
    pub max_queue: usize,
    /// The same in bytes. Against floods of big ones.
    pub max_queue_bytes: usize,
    /// Bytes of all particles before no peer that has any here is read from. Against many peers
    /// that each stay within their own limit.
    pub max_bytes: usize,
}

impl Default for InboxLimits {
    fn default() -> InboxLimits {
        InboxLimits {
            max_queue: 256,
            max_queue_bytes: 8 << 20,
            max_bytes: 64 << 20,
        }
    }
}

/// Memory of a particle's content, in bytes.
pub(crate) fn particle_bytes(particle: &Particle) -> usize {
    particle.id.len() + particle.script.len() + particle.signature.len() + particle.data.len()
}

#[derive(Debug, Default)]
struct Queue {
    particles: VecDeque<Particle>,
    bytes: usize,
    paused: bool,
}

/// All queues. Each peer in `turns` and `aside` has one that is not empty.
#[derive(Debug)]
pub(crate) struct Inbox {
    limits: InboxLimits,
    queues: BTreeMap<PeerId, Queue>,
    turns: VecDeque<PeerId>,
    /// Peers whose turn is not to come now.
    aside: Vec<PeerId>,
    bytes: usize,
}

impl Inbox {
    pub(crate) fn new(limits: InboxLimits) -> Inbox {
        Inbox {
            limits,
            queues: BTreeMap::new(),
            turns: VecDeque::new(),
            aside: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether nothing can be taken: nothing is there, or its peers are set aside.
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The peer whose particle is the next.
    pub(crate) fn next(&self) -> Option<PeerId> {
        self.turns.front().copied()
    }

    /// Sets the peer aside whose particle is the next.
    pub(crate) fn set_aside(&mut self) {
        self.aside.extend(self.turns.pop_front());
    }

    /// Lets those that were set aside take turns again that `may`.
    pub(crate) fn take_back(&mut self, mut may: impl FnMut(PeerId) -> bool) {
        let turns = &mut self.turns;
        self.aside.retain(|&peer| {
            let may = may(peer);
            if may {
                turns.push_back(peer);
            }
            !may
        });
    }

    /// Particles that wait.
    pub(crate) fn len(&self) -> usize {
        self.queues
            .values()
            .map(|queue| queue.particles.len())
            .sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a particle to the queue of the peer it came from. True if that peer is not to be read
    /// from until [`Inbox::pop`] says so.
    #[must_use]
    pub(crate) fn push(&mut self, from: PeerId, particle: Particle) -> bool {
        let size = particle_bytes(&particle);
        let queue = self.queues.entry(from).or_insert_with(|| {
            self.turns.push_back(from);
            Queue::default()
        });
        self.bytes += size;
        queue.bytes += size;
        queue.particles.push_back(particle);
        let long = queue.particles.len() >= self.limits.max_queue
            || queue.bytes >= self.limits.max_queue_bytes
            || self.bytes >= self.limits.max_bytes;
        let pause = long && !queue.paused;
        queue.paused |= long;
        pause
    }

    /// Takes the next particle. True if the peer it came from may be read from again.
    ///
    /// That is so when its queue is half empty, not as soon as there is a place: else reading would
    /// stop and start with every particle.
    pub(crate) fn pop(&mut self) -> Option<(PeerId, Particle, bool)> {
        let from = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&from)?;
        let particle = queue.particles.pop_front()?;
        let size = particle_bytes(&particle);
        queue.bytes -= size;
        self.bytes -= size;
        let empty = queue.particles.is_empty();
        let short = queue.particles.len() <= self.limits.max_queue / 2
            && queue.bytes <= self.limits.max_queue_bytes / 2
            && self.bytes <= self.limits.max_bytes / 2;
        let resume = queue.paused && (empty || short);
        queue.paused &= !resume;
        match empty {
            true => drop(self.queues.remove(&from)),
            false => self.turns.push_back(from),
        }
        Some((from, particle, resume))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;
    use basalt_net::keypair::Keypair;
    use basalt_net::particle::Authored;

    fn peer(n: u8) -> PeerId {
        Keypair::from_seed([n; 32]).peer_id()
    }

    fn particle(size: usize) -> Particle {
        let authored = Authored {
            id: String::new(),
            init_peer_id: peer(1),
            timestamp: 0,
            ttl: 0,
            script: String::new(),
            signature: Vec::new(),
        };
        Particle::new(authored, vec![0; size])
    }

    fn inbox() -> Inbox {
        Inbox::new(InboxLimits {
            max_queue: 4,
            max_queue_bytes: 1000,
            max_bytes: 1500,
        })
    }

    #[test]
    fn peers_take_turns_however_much_they_send() {
        let mut inbox = inbox();
        for _ in 0..3 {
            assert!(!inbox.push(peer(1), particle(1)));
        }
        assert!(!inbox.push(peer(2), particle(1)));
        assert!(!inbox.push(peer(3), particle(1)));
        let order: Vec<PeerId> = core::iter::from_fn(|| inbox.pop())
            .map(|(from, ..)| from)
            .collect();
        assert_eq!(order, [1, 2, 3, 1, 1].map(peer));
        assert!(inbox.is_empty() && inbox.bytes() == 0 && inbox.queues.is_empty());
    }

    #[test]
    fn a_long_queue_pauses_its_peer_until_it_is_half_gone() {
        let mut inbox = inbox();
        let paused: Vec<bool> = (0..6).map(|_| inbox.push(peer(1), particle(1))).collect();
        assert_eq!(paused, [false, false, false, true, false, false]);
        let resumed: Vec<bool> = core::iter::from_fn(|| inbox.pop())
            .map(|(_, _, resume)| resume)
            .collect();
        assert_eq!(resumed, [false, false, false, true, false, false]);
    }

    #[test]
    fn bytes_count_for_one_and_for_all() {
        let mut inbox = inbox();
        assert!(inbox.push(peer(1), particle(1000)));
        assert!(!inbox.push(peer(2), particle(400)));
        // All together hold enough: peers with little wait as well.
        assert!(inbox.push(peer(3), particle(100)));
        let resumed: Vec<(PeerId, bool)> = core::iter::from_fn(|| inbox.pop())
            .map(|(from, _, resume)| (from, resume))
            .collect();
        assert_eq!(
            resumed,
            [(peer(1), true), (peer(2), false), (peer(3), true)]
        );
    }
}
