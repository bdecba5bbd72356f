//! Particles that came in and wait for their turn: one line per peer, served in turn, so that nobody
//! who sends much makes the others wait.
//!
//! A peer whose line is long is not read from until it has become short: what it sends stays in its own
//! socket. Its streams' windows would not stop it, because each particle comes on a new stream.

use alloc::collections::{BTreeMap, VecDeque};

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;

use super::seek::size;

/// What may wait for its turn.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Particles of one peer before it is not read from any more. Against floods of small particles.
    pub max_line: usize,
    /// The same in bytes. Against floods of big ones.
    pub max_line_bytes: usize,
    /// Bytes of all particles before nobody who has some here is read from. Against many peers that
    /// each stay within their own budget.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_line: 256,
            max_line_bytes: 8 << 20,
            max_bytes: 64 << 20,
        }
    }
}

#[derive(Debug, Default)]
struct Line {
    particles: VecDeque<Particle>,
    bytes: usize,
    paused: bool,
}

/// All lines. Each peer in `turns` has one that is not empty.
#[derive(Debug)]
pub(super) struct Inbox {
    limits: Limits,
    lines: BTreeMap<PeerId, Line>,
    turns: VecDeque<PeerId>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn new(limits: Limits) -> Inbox {
        Inbox {
            limits,
            lines: BTreeMap::new(),
            turns: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Particles that wait.
    pub(super) fn len(&self) -> usize {
        self.lines.values().map(|line| line.particles.len()).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a particle to its sender's line. True if the sender is not to be read from until
    /// [`Inbox::pop`] says so.
    #[must_use]
    pub(super) fn push(&mut self, from: PeerId, particle: Particle) -> bool {
        let size = size(&particle);
        let line = self.lines.entry(from).or_insert_with(|| {
            self.turns.push_back(from);
            Line::default()
        });
        self.bytes += size;
        line.bytes += size;
        line.particles.push_back(particle);
        let long = line.particles.len() >= self.limits.max_line
            || line.bytes >= self.limits.max_line_bytes
            || self.bytes >= self.limits.max_bytes;
        let pause = long && !line.paused;
        line.paused |= long;
        pause
    }

    /// Takes the next particle. True if its sender may be read from again.
    pub(super) fn pop(&mut self) -> Option<(PeerId, Particle, bool)> {
        let from = self.turns.pop_front()?;
        let line = self.lines.get_mut(&from)?;
        let particle = line.particles.pop_front()?;
        let size = size(&particle);
        line.bytes -= size;
        self.bytes -= size;
        let empty = line.particles.is_empty();
        let short = line.particles.len() <= self.limits.max_line / 2
            && line.bytes <= self.limits.max_line_bytes / 2
            && self.bytes <= self.limits.max_bytes / 2;
        let resume = line.paused && (empty || short);
        line.paused &= !resume;
        match empty {
            true => drop(self.lines.remove(&from)),
            false => self.turns.push_back(from),
        }
        Some((from, particle, resume))
    }
}

#[cfg(test)]
mod tests {
    use super::super::seek::tests::{particle, peer};
    use super::*;
    use alloc::vec::Vec;

    fn inbox() -> Inbox {
        Inbox::new(Limits {
            max_line: 4,
            max_line_bytes: 1000,
            max_bytes: 1500,
        })
    }

    #[test]
    fn peers_take_turns_whoever_came_with_more() {
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
        assert!(inbox.is_empty() && inbox.bytes() == 0 && inbox.lines.is_empty());
    }

    #[test]
    fn a_long_line_pauses_its_peer_until_it_is_half_gone() {
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
        // All together have enough: even the modest wait.
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
