//! The state of the node's logic, and what others may ask of it.

use alloc::vec::Vec;
use core::mem::replace;
use core::time::Duration;

use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;

use super::actor::{Actor, ActorId, CallId};
use super::batch::Batches;
use super::calls::OpenCalls;
use super::table::Table;
use super::turns::Turns;
use crate::host::{Clock, Host};
use crate::intake::{Account, Limits};
use crate::refusal::{Refusal, Refusals};
use crate::rooms::Rooms;
use crate::script::Interpreter;
use crate::shares::{Origin, Payer};
use crate::state::State;

/// Something the node wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a particle to a peer.
    Send {
        /// The peer.
        peer: PeerId,
        /// Who pays for it.
        payer: Payer,
        /// The particle. Those to other peers share its memory.
        particle: Particle,
    },
    /// Connect to a peer, then tell with [`Node::complete`] whether it worked.
    Connect {
        /// The call that waits.
        call: CallId,
        /// Who pays for it.
        payer: Payer,
        /// The peer.
        peer: PeerId,
        /// Where it may be; empty: where it is known to be.
        addresses: Vec<Multiaddr>,
    },
}

/// What the node has done, and what it holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Particles taken in.
    pub received: u64,
    /// Runs of the interpreter.
    pub runs: u64,
    /// Runs that ended with an error.
    pub failed_runs: u64,
    /// Calls answered.
    pub calls: u64,
    /// Calls answered with an error.
    pub failed_calls: u64,
    /// Particles handed over for sending.
    pub sent: u64,
    /// Particles alive, each counted once per scope.
    pub actors: usize,
    /// Particles that have nothing left to do: only their ids are kept.
    pub finished: usize,
    /// Bytes they hold.
    pub memory: usize,
    /// Pieces of data that wait in their mailboxes.
    pub mailboxes: usize,
    /// Particles that wait for their turn to run, or to have their calls answered.
    pub waiting: usize,
    /// Instructions executed.
    pub steps: u64,
    /// What runs were charged at, whoever pays; one unit is about a microsecond.
    pub charged: u64,
    /// Turns put off behind those of others, because an author or worker had more than its share of
    /// work.
    pub deferred: u64,
    /// Authors that are counted.
    pub authors: usize,
    /// What each worker takes.
    pub workers: Vec<(PeerId, Account)>,
    /// Everything refused, by reason.
    pub refusals: Refusals,
}

/// The peer's logic.
pub struct Node<I> {
    pub(super) rooms: Rooms,
    pub(super) limits: Limits,
    pub(super) interpreter: I,
    pub(super) table: Table,
    pub(super) turns: Turns,
    pub(super) batches: Batches,
    pub(super) calls: OpenCalls,
    /// What is counted up; [`Node::status`] fills in the rest.
    pub(super) counts: Status,
}

impl<I: Interpreter> Node<I> {
    /// A node without particles.
    pub fn new(rooms: Rooms, limits: Limits, interpreter: I) -> Node<I> {
        let calls = OpenCalls::new(&limits, rooms.max_jobs());
        Node {
            rooms,
            table: Table::new(limits.clone()),
            limits,
            interpreter,
            turns: Turns::default(),
            batches: Batches::default(),
            calls,
            counts: Status::default(),
        }
    }

    /// This peer.
    pub fn host(&self) -> &Host {
        self.rooms.host()
    }

    /// What lasts longer than particles.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// A step of the store's housekeeping; true when there is more to do.
    pub fn maintain(&mut self) -> bool {
        self.rooms.maintain()
    }

    /// What has happened and what is held.
    pub fn status(&self) -> Status {
        Status {
            actors: self.table.len(),
            finished: self.table.finished(),
            memory: self.table.memory(),
            mailboxes: self.table.mailboxes(),
            waiting: self.turns.len(),
            authors: self.table.authors(),
            workers: self.table.workers(),
            refusals: self.rooms.refusals().clone(),
            ..self.counts.clone()
        }
    }

    /// Counts something that was refused on the node's behalf.
    pub fn count(&mut self, reason: Refusal) {
        self.rooms.count(reason);
    }

    /// How often `reason` occurred.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.rooms.refusals().of(reason)
    }

    /// Starts what needs the time. An edge calls it once, when the wall clock is right.
    pub fn begin(&mut self, clock: Clock) {
        self.rooms.begin(clock);
    }

    /// The compute cores that serve deals, if that changed since it was last asked.
    pub fn deal_cores(&mut self) -> Option<Vec<usize>> {
        self.rooms.deal_cores()
    }

    /// What outlives a reboot, if anything does.
    pub fn state(&mut self) -> Option<&mut State> {
        self.rooms.state_mut()
    }

    /// Hands the state over to the edge, which runs the disk's jobs from now on.
    pub fn take_state(&mut self) -> Option<State> {
        self.rooms.take_state()
    }

    /// Gives an actor a turn if it has something to do and does not wait for one.
    pub(super) fn wake(&mut self, id: ActorId) {
        let needs_turn =
            |actor: &Actor| !actor.waits_for_turn && !actor.has_batch && actor.has_work();
        if self.table.get(id).is_some_and(needs_turn) {
            self.queue(id);
        }
    }

    /// Puts an actor with something to do in its line, unless it is there.
    pub(super) fn queue(&mut self, id: ActorId) {
        let waited = self
            .table
            .change(id, |actor| replace(&mut actor.waits_for_turn, true));
        if waited == Some(false)
            && let Some(actor) = self.table.get(id)
        {
            let habit = self.table.habit(actor);
            let weight = self.table.weight(self.turns.now(), habit);
            self.turns.push(id, &actor.payer, weight);
        }
    }

    /// Does what is due: timers, triggers of spells, and the removal of expired particles.
    pub fn timer(&mut self, clock: Clock) {
        self.fire_timers(clock.now);
        self.trigger_by_clock(clock);
        self.rooms.timer(clock);
        let max = self.limits.max_removed_per_round;
        // Ids cost less to remove than particles.
        self.table.forget_finished(clock.wall_ms, 8 * max);
        for _ in 0..max {
            let Some(actor) = self.table.take_expired(clock.wall_ms) else {
                break;
            };
            self.rooms.vaults.leave(&actor.scope, &actor.particle);
            if actor.worker_pays && !self.host().is_local(&actor.scope) {
                self.table.forget_worker(&actor.scope);
            }
        }
    }

    /// What runs and calls were charged at until now, in microseconds.
    pub fn charged(&self) -> u64 {
        self.counts.charged
    }

    /// Particles from one peer that wait for their turn, without those put off behind all others.
    pub fn waiting_from(&self, origin: Origin) -> usize {
        self.turns.of_connection(&origin)
    }

    /// When to call [`Node::timer`] or [`Node::step`] next, if nothing comes in before.
    pub fn wake_at(&self, clock: Clock) -> Option<Instant> {
        let at_wall =
            |wall_ms: u64| clock.now + Duration::from_millis(wall_ms.saturating_sub(clock.wall_ms));
        // A particle lives through the whole millisecond of its deadline.
        let deadline = self.table.first_deadline();
        [
            self.turns.next_at(clock.now),
            self.calls.timers.next(),
            deadline.map(|deadline| at_wall(deadline + 1)),
            self.rooms.spells.schedule.next().map(at_wall),
            self.rooms.wake_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
