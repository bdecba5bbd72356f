//! Particles of spells: what triggers one, and how many of a spell there may be.

use alloc::collections::BTreeSet;

use basalt_net::peer_id::PeerId;

use super::node::Node;
use crate::host::Clock;
use crate::refusal::Refusal;
use crate::script::Interpreter;
use crate::spells::Trigger;

impl<I: Interpreter> Node<I> {
    /// Triggers the spells whose time has come, except those that still have too much to do. What
    /// is skipped is not made up for: a spell that is slow once must not pile up its particles.
    pub(super) fn trigger_by_clock(&mut self, clock: Clock) {
        while let Some(id) = self.rooms.due_spell(clock.wall_ms) {
            if self.busy_particles(&id) < self.limits.spell_runs {
                self.trigger(clock, &id, Trigger::Clock);
            } else {
                self.skip(&id);
            }
        }
        self.take_spells(clock);
    }

    /// A peer has connected, or its last connection has ended: spells may wait for it.
    pub fn on_connection(&mut self, clock: Clock, peer: &PeerId, connected: bool) {
        for id in self.rooms.spells.schedule.of_connections(connected) {
            self.trigger(clock, &id, Trigger::Peer(peer, connected));
        }
    }

    fn trigger(&mut self, clock: Clock, id: &str, trigger: Trigger<'_>) {
        // Those that have ended count, too: whoever comes and goes triggers no end of runs.
        let alive =
            self.table.runs_of_spell(id, clock.wall_ms) + self.rooms.spells.schedule.beginning(id);
        match alive < self.limits.spell_alive {
            true => self.rooms.run_spell(clock, id, trigger),
            false => self.skip(id),
        }
    }

    fn skip(&mut self, id: &str) {
        log::debug!(target: "spell", "{id} is not triggered: too many of its particles are alive");
        self.count(Refusal::SpellRuns);
    }

    /// Particles of a spell for which this node has something to do.
    fn busy_particles(&self, id: &str) -> usize {
        let busy = self.table.of_spell(id).filter(|actor| actor.is_busy());
        let particles: BTreeSet<&str> = busy.map(|actor| actor.particle.id.as_str()).collect();
        particles.len() + self.rooms.spells.schedule.beginning(id)
    }

    /// Takes in the particles of spells.
    pub(super) fn take_spells(&mut self, clock: Clock) {
        while let Some(particle) = self.rooms.next_particle() {
            // What is refused is counted.
            let _ = self.receive(clock, particle);
        }
    }
}
