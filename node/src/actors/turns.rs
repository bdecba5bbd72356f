//! Whose turn it is: actors in the order in which they got something to do. Those whose author or
//! worker has had more than its share of work go behind all others.

use alloc::collections::{BTreeSet, VecDeque};

use basalt_net::time::Instant;

use super::actor::ActorId;

/// Actors with something to do, each once.
#[derive(Default)]
pub(super) struct Turns {
    waiting: VecDeque<ActorId>,
    /// Those whose author or worker had more than its share, by the time until which they go behind
    /// the others.
    later: BTreeSet<(Instant, ActorId)>,
}

impl Turns {
    /// Number of actors that do not go behind others.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.later.is_empty()
    }

    /// An actor has something to do.
    pub(super) fn push(&mut self, id: ActorId) {
        self.waiting.push_back(id);
    }

    /// The next actor. `busy` tells until when one goes behind the others. When no others wait,
    /// those have their turn at once: no time of the core is wasted.
    pub(super) fn pop(
        &mut self,
        now: Instant,
        mut busy: impl FnMut(ActorId) -> Option<Instant>,
    ) -> Option<ActorId> {
        while let Some(&(until, id)) = self.later.first()
            && until <= now
        {
            self.later.pop_first();
            self.waiting.push_back(id);
        }
        while let Some(id) = self.waiting.pop_front() {
            match busy(id) {
                Some(until) => drop(self.later.insert((until, id))),
                None => return Some(id),
            }
        }
        self.later.pop_first().map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn one_with_more_than_its_share_waits_for_others_but_does_not_leave_the_core_idle() {
        let at = Instant::from_millis;
        let mut turns = Turns::default();
        let busy = |id: ActorId| (id.0 < 2).then(|| at(100 + id.0));
        for id in 0..4 {
            turns.push(ActorId(id));
        }
        let mut order = Vec::new();
        while let Some(id) = turns.pop(at(0), busy) {
            order.push(id.0);
        }
        assert_eq!(order, [2, 3, 0, 1]);
        // Once its time has come it is one of those that wait.
        turns.push(ActorId(0));
        turns.push(ActorId(2));
        assert_eq!(turns.pop(at(0), busy), Some(ActorId(2)));
        turns.push(ActorId(1));
        turns.push(ActorId(3));
        let free = |_| None;
        assert_eq!(turns.pop(at(100), free), Some(ActorId(1)));
        assert_eq!(turns.pop(at(100), free), Some(ActorId(3)));
        assert_eq!(turns.pop(at(100), free), Some(ActorId(0)));
        assert!(turns.is_empty());
    }
}
