//! One run of one actor, and what follows from it.

use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use bytes::Bytes;

use super::actor::{ActorId, CallId};
use super::batch::{Asked, Batch};
use super::node::{Effect, Node};
use crate::builtins;
use crate::host::{Clock, Network};
use crate::intake;
use crate::quoted::Quoted;
use crate::refusal::Refusal;
use crate::script::{Interpreter, OVER_BUDGET, Run};

/// Microseconds after which the answers to a run's calls go on in another step.
const PIECE: u64 = 5_000;

impl<I: Interpreter> Node<I> {
    /// Lets the actor whose turn it is run once. False when there is nothing to do.
    pub fn step(&mut self, clock: Clock, network: &dyn Network, out: &mut Vec<Effect>) -> bool {
        let Some(id) = self.next_turn(clock.now) else {
            return false;
        };
        let begin = self.rooms.now();
        let charged = self.counts.charged;
        let habit = self.table.get(id).and_then(|actor| self.table.habit(actor));
        let batch = match self.batches.take(id) {
            Some(batch) => Some(batch),
            None => self.run(clock, id).map(|asked| Batch::new(id, asked)),
        };
        if let Some(batch) = batch {
            self.table.change(id, |actor| actor.has_batch = true);
            self.answer_piece(clock, network, batch, out);
        }
        let cost = self.counts.charged - charged;
        let light_from = self.turns.charge(clock.now, cost);
        if let (Some(habit), Some(from)) = (habit, light_from) {
            self.table.set_light(habit, from);
        }
        if let (Some(begin), Some(end)) = (begin, self.rooms.now()) {
            self.rooms
                .tally
                .meters
                .interpretation
                .time(end.since(begin));
        }
        true
    }

    /// Answers the next calls of a run; passes the particle on after the last one.
    fn answer_piece(
        &mut self,
        clock: Clock,
        network: &dyn Network,
        mut batch: Batch,
        out: &mut Vec<Effect>,
    ) {
        let id = batch.actor;
        // One that is gone, since it has expired, gets no answers.
        if self.table.get(id).is_none() {
            return;
        }
        let mut cost = 0;
        // Calls come first: a call can take away the worker that a next peer names.
        while cost < PIECE
            && let Some((request, asked)) = batch.requests.next()
        {
            let call = CallId { actor: id, request };
            let price = builtins::price(&asked);
            cost += price.unwrap_or_else(|price| price);
            let bytes = match price {
                Ok(_) => self.answer(clock, network, call, &asked, out),
                Err(_) => self.refuse(call, Refusal::CallArguments),
            };
            cost += builtins::price_of_answer(bytes);
        }
        self.table.charge(clock.now, id, 0, cost);
        self.counts.charged += cost;
        if batch.requests.len() > 0 {
            self.batches.put(batch);
            return self.queue(id);
        }
        self.route(clock, batch.asked, out);
        self.table.change(id, |actor| actor.has_batch = false);
        self.wake(id);
        self.end_if_finished(id);
    }

    /// Forgets an actor that has nothing left to do, but for its id.
    pub(super) fn end_if_finished(&mut self, id: ActorId) {
        if let Some(actor) = self.table.finish(id) {
            self.rooms.vaults.leave(&actor.scope, &actor.particle);
        }
    }

    /// The actor whose turn it is.
    fn next_turn(&mut self, now: Instant) -> Option<ActorId> {
        if let Some(id) = self.batches.next_urgent() {
            match self.table.get(id) {
                Some(actor) => self.turns.give(&actor.payer),
                None => drop(self.batches.take(id)),
            }
            return Some(id);
        }
        let Node {
            turns,
            table,
            batches,
            counts,
            ..
        } = self;
        let next = turns.pop(now, |id, may_defer| {
            // One that has expired gets no answers.
            let Some(actor) = table.get(id) else {
                batches.take(id);
                return None;
            };
            let payer = actor.payer;
            // An urgent batch may have had the turns that it waited for, and its actor no more to
            // do.
            if !batches.has(id) && !actor.has_work() {
                table.change(id, |actor| actor.waits_for_turn = false);
                return None;
            }
            let until = may_defer.then(|| table.defer(now, id)).flatten();
            counts.deferred += u64::from(until.is_some());
            Some((payer, until))
        });
        if let Some(id) = next {
            table.change(id, |actor| actor.waits_for_turn = false);
        }
        next
    }

    /// Runs the interpreter over the next piece of data and all results of calls.
    fn run(&mut self, clock: Clock, id: ActorId) -> Option<Asked> {
        let actor = self.table.get(id)?;
        let (scope, particle, payer) = (actor.scope, actor.particle.clone(), actor.payer);
        let own = actor.own;
        let is_over = actor.deadline < clock.wall_ms;
        if is_over {
            self.count(Refusal::ExpiredHere);
            return None;
        }
        let host = self.rooms.host().clone();
        // A worker may be gone while its particles are still alive: they run no more.
        let key = host.key(&scope)?;
        let input = self.table.change(id, |actor| actor.take_input())?;
        let begin = self.rooms.now();
        let outcome = self.interpreter.run(Run {
            particle: &particle,
            scope: &scope,
            key,
            prev: &input.prev,
            current: &input.current,
            own,
            results: input.results,
        });
        if let (Some(begin), Some(end)) = (begin, self.rooms.now()) {
            self.rooms.tally.meters.avm_call.time(end.since(begin));
        }
        // Kept before any effect, and also after an error (protocol description, section 7): what
        // the run has noted there, the next run does not ask for again.
        let data = Bytes::from(outcome.data);
        let is_over = outcome.finished;
        self.table.change(id, |actor| {
            actor.keep(data.clone());
            // What is nothing left to do stays so; data that cannot be read changes nothing.
            actor.is_over |= is_over;
        });
        let cost = intake::cost(outcome.time);
        self.table.charge(clock.now, id, outcome.steps, cost);
        self.counts.steps += outcome.steps;
        self.counts.charged += cost;
        self.counts.runs += 1;
        if outcome.ret_code == OVER_BUDGET {
            self.count(Refusal::RunBudget);
        }
        if outcome.ret_code != 0 {
            self.counts.failed_runs += 1;
            log::debug!(
                target: "air",
                "particle {}: error {}: {}",
                Quoted(&particle.id), outcome.ret_code, Quoted(&outcome.error_message)
            );
        }
        let next_peers = outcome.next_peers.iter().map(|peer| peer.parse().ok());
        let next_peers: Option<Vec<PeerId>> = next_peers.collect();
        let Some(next_peers) = next_peers else {
            // One that is not a peer id makes the whole outcome void: no calls, nothing sent
            // (protocol description, section 7).
            self.count(Refusal::BadNextPeer);
            return Some(Asked {
                particle,
                payer,
                own,
                data,
                next_peers: Vec::new(),
                requests: Vec::new(),
            });
        };
        Some(Asked {
            particle,
            payer,
            own,
            data,
            next_peers,
            requests: outcome.requests,
        })
    }

    /// Passes a particle on: to other scopes of this machine, and to other peers.
    fn route(&mut self, clock: Clock, asked: Asked, out: &mut Vec<Effect>) {
        let Asked {
            particle,
            payer,
            own,
            data,
            next_peers,
            ..
        } = asked;
        for peer in next_peers {
            if self.host().is_local(&peer) {
                let came = (data.clone(), own);
                if let Err(reason) = self.deliver(clock, peer, payer, particle.clone(), came) {
                    self.count(reason);
                }
            } else {
                self.counts.sent += 1;
                out.push(Effect::Send {
                    peer,
                    payer,
                    particle: particle.with_data(data.clone()),
                });
            }
        }
    }
}
