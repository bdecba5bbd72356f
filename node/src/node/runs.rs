//! Runs of spells: their particles on this node, and how many there may be.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};

use basalt_net::peer_id::PeerId;

use super::Node;
use super::actor::{Actor, ActorId};
use crate::air::Interpreter;
use crate::host::Clock;
use crate::refusal::Refusal;
use crate::spells::Trigger;

/// The actors of each spell's runs. A run of a worker's spell has one on the host and one on the worker.
#[derive(Default)]
pub(super) struct Runs(BTreeMap<String, BTreeSet<ActorId>>);

impl Runs {
    pub(super) fn add(&mut self, id: ActorId, actor: &Actor) {
        if let Some(spell) = actor.header.spell_id() {
            self.0.entry(spell.to_string()).or_default().insert(id);
        }
    }

    pub(super) fn remove(&mut self, id: ActorId, actor: &Actor) {
        let Some(spell) = actor.header.spell_id() else {
            return;
        };
        if let Some(actors) = self.0.get_mut(spell) {
            actors.remove(&id);
            if actors.is_empty() {
                self.0.remove(spell);
            }
        }
    }

    fn of(&self, spell: &str) -> impl Iterator<Item = &ActorId> {
        self.0.get(spell).into_iter().flatten()
    }
}

impl<I: Interpreter> Node<I> {
    /// Runs the spells whose time has come, but those whose runs of before are not over: what is skipped is not caught up
    /// with.
    pub(super) fn run_spells(&mut self, clock: Clock) {
        while let Some(id) = self.rooms.due_spell(clock.wall_ms) {
            if self.busy_runs(&id) < self.limits.spell_runs {
                self.run_spell(clock, &id, Trigger::Clock);
            } else {
                self.skip(&id);
            }
        }
        self.take_spells(clock);
    }

    /// A peer has connected, or its last connection has ended: spells may wait for it.
    pub fn on_connection(&mut self, clock: Clock, peer: &PeerId, connected: bool) {
        for id in self.rooms.spells.schedule.of_connections(connected) {
            self.run_spell(clock, &id, Trigger::Peer(peer, connected));
        }
    }

    fn run_spell(&mut self, clock: Clock, id: &str, trigger: Trigger<'_>) {
        let alive = self.runs.of(id).count() + self.rooms.spells.schedule.beginning(id);
        match alive < self.limits.spell_alive {
            true => self.rooms.run_spell(clock, id, trigger),
            false => self.skip(id),
        }
    }

    fn skip(&mut self, id: &str) {
        log::debug!(target: "spell", "{id} does not run: too many of its runs are not over");
        self.count(Refusal::SpellRuns);
    }

    /// Runs of a spell for which this node has something to do.
    fn busy_runs(&self, id: &str) -> usize {
        let actors = self.runs.of(id).filter_map(|id| self.actors.get(id));
        let busy = actors.filter(|actor| actor.is_busy());
        let particles: BTreeSet<&str> = busy.map(|actor| actor.header.id.as_str()).collect();
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
