//! The peer's logic: verification, one actor per particle, execution, routing.
//!
//! A particle is verified when it comes in and put in the mailbox of its actor (one per scope and
//! signature, as in the protocol description's "Execution pipeline"). [`Node::step`] lets the actor
//! whose turn it is run the script once, keeps the data, then answers the script's calls and passes the
//! particle on. Actors take turns, so that one busy particle does not starve the others; each lives until
//! its particle's deadline.

mod actor;
mod budget;
mod runs;
mod timers;
mod turns;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use basalt_net::multiaddr::Multiaddr;
use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use bytes::Bytes;
use serde_json::Value;

use crate::air::{self, CallRequest, CallResult, Interpreter, Outcome, Run};
use crate::builtins::{self, Call, CallError, Later, Reply};
use crate::compute::{Done, Job, JobId};
use crate::disk::{DiskDone, DiskJob};
use crate::host::{Clock, Host, Network};
use crate::http::{Answer, Request};
use crate::limits::{self, Limits};
use crate::particle::Header;
use crate::quoted::Quoted;
use crate::refusal::{Refusal, Refusals};
use crate::rooms::Rooms;
use crate::state::State;
use actor::{Actor, ActorId, Key};
use budget::Accounts;
use runs::Runs;
use timers::Timers;
use turns::Turns;

pub use budget::Account;

/// Something the node wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a particle to a peer.
    Send {
        /// The peer.
        peer: PeerId,
        /// The particle.
        particle: Particle,
    },
    /// Connect to a peer, then tell with [`Node::complete`] whether it worked.
    Connect {
        /// The call that waits.
        call: CallId,
        /// The peer.
        peer: PeerId,
        /// Where it may be; empty: where it is known to be.
        addresses: Vec<Multiaddr>,
    },
}

/// A call whose result is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId {
    actor: ActorId,
    request: u32,
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
    /// Particles alive.
    pub actors: usize,
    /// Bytes they hold.
    pub memory: usize,
    /// Arrivals that wait in their mailboxes.
    pub mailboxes: usize,
    /// Instructions executed.
    pub steps: u64,
    /// Turns of particles that others went before, because their author or worker had more than its share of work.
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
    rooms: Rooms,
    limits: Limits,
    interpreter: I,
    actors: BTreeMap<ActorId, Actor>,
    by_key: BTreeMap<Key, ActorId>,
    /// Deadlines in Unix milliseconds.
    deadlines: BTreeSet<(u64, ActorId)>,
    turns: Turns,
    timers: Timers,
    authors: Accounts,
    workers: Accounts,
    connects: usize,
    /// Calls that wait for a job.
    jobs: BTreeMap<JobId, CallId>,
    runs: Runs,
    next_actor: u64,
    status: Status,
}

impl<I: Interpreter> Node<I> {
    /// A node without particles.
    pub fn new(rooms: Rooms, limits: Limits, interpreter: I) -> Node<I> {
        Node {
            rooms,
            authors: Accounts::of_authors(limits.author.clone(), limits.max_authors),
            workers: Accounts::of_workers(limits.worker.clone()),
            limits,
            interpreter,
            actors: BTreeMap::new(),
            by_key: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            turns: Turns::default(),
            timers: Timers::default(),
            connects: 0,
            jobs: BTreeMap::new(),
            runs: Runs::default(),
            next_actor: 0,
            status: Status::default(),
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
            actors: self.actors.len(),
            mailboxes: self.actors.values().map(|actor| actor.mailbox.len()).sum(),
            authors: self.authors.len(),
            workers: self
                .workers
                .iter()
                .map(|(&id, &account)| (id, account))
                .collect(),
            refusals: self.rooms.refusals().clone(),
            ..self.status.clone()
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

    /// Takes in a particle from the network: it runs on the host first, whoever it is meant for.
    ///
    /// # Errors
    /// It is not taken; the reason is counted.
    pub fn receive(&mut self, clock: Clock, particle: Particle) -> Result<(), Refusal> {
        let taken = self.check(clock, &particle).and_then(|()| {
            let (header, data) = Header::split(particle);
            let size = header.size() + data.len();
            self.rooms.tally.meters.particle_sizes.observe(size as f64);
            self.deliver(clock, self.host().peer_id, header, data)
        });
        match taken {
            Ok(()) => self.status.received += 1,
            Err(reason) => self.count(reason),
        }
        taken
    }

    fn check(&mut self, clock: Clock, particle: &Particle) -> Result<(), Refusal> {
        if particle.is_expired(clock.wall_ms) {
            return Err(Refusal::Expired);
        }
        if particle.script.len() > self.limits.max_script {
            return Err(Refusal::ScriptTooLong);
        }
        particle.verify().map_err(|_| Refusal::BadSignature)?;
        if self.is_free(&particle.init_peer_id) {
            return Ok(());
        }
        let bytes = particle.script.len() + particle.data.len();
        self.authors.arrive(clock.now, particle.init_peer_id, bytes)
    }

    /// Whether an author is free of the limits of authors.
    fn is_free(&self, author: &PeerId) -> bool {
        self.host().is_manager(author) || self.host().is_local(author)
    }

    /// Puts a verified particle in the mailbox of its actor.
    fn deliver(
        &mut self,
        clock: Clock,
        scope: PeerId,
        header: Header,
        data: Bytes,
    ) -> Result<(), Refusal> {
        if self.status.memory + data.len() > self.limits.max_memory {
            return Err(Refusal::MemoryFull);
        }
        if !self.host().is_active(&scope) && !self.host().is_manager(&header.init_peer_id) {
            return Err(Refusal::WorkerInactive);
        }
        let author = header.init_peer_id;
        let author_pays = !self.is_free(&author);
        let worker_pays = scope != self.host().peer_id && !self.host().is_manager(&author);
        let key = Key::new(scope, &header);
        let known = self.by_key.get(&key).copied();
        let (actors, bytes) = match known {
            Some(_) => (0, data.len()),
            None => (1, data.len() + header.size()),
        };
        if worker_pays {
            self.workers
                .arrive(clock.now, scope, header.script.len() + data.len())?;
            self.workers.may_hold(scope, actors, bytes)?;
        }
        if author_pays {
            self.authors.may_hold(author, actors, bytes)?;
        }
        let id = match known {
            Some(id) => id,
            None => {
                let actor = Actor {
                    author_pays,
                    worker_pays,
                    is_run: self.host().is_local(&author),
                    ..Actor::new(key, scope, header, 0)
                };
                self.add(clock, actor)?
            }
        };
        let Some(actor) = self.actors.get_mut(&id) else {
            return Err(Refusal::ActorsFull);
        };
        if actor.mailbox.len() >= self.limits.max_mailbox {
            return Err(Refusal::MailboxFull);
        }
        actor.mailbox.push_back(data);
        let after = actor.memory();
        let before = after - actor.mailbox.back().map_or(0, Bytes::len);
        self.resize(id, before, after);
        self.wake(id);
        Ok(())
    }

    fn add(&mut self, clock: Clock, mut actor: Actor) -> Result<ActorId, Refusal> {
        if self.actors.len() >= self.limits.max_actors {
            return Err(Refusal::ActorsFull);
        }
        let size = actor.memory();
        if self.status.memory + size > self.limits.max_memory {
            return Err(Refusal::MemoryFull);
        }
        if actor.author_pays {
            self.authors.add(actor.header.init_peer_id, size);
        }
        if actor.worker_pays {
            self.workers.add(actor.scope, size);
        }
        // Whatever time the particle claims to come from, it does not live longer here than its own ttl.
        let life = u64::from(actor.header.ttl).min(self.limits.max_life_ms);
        let latest = clock.wall_ms.saturating_add(life);
        actor.deadline = actor.header.deadline().min(latest);
        let id = ActorId(self.next_actor);
        self.next_actor += 1;
        self.status.memory += size;
        self.deadlines.insert((actor.deadline, id));
        self.by_key.insert(actor.key.clone(), id);
        if actor.is_run {
            self.runs.add(id, &actor);
        }
        self.actors.insert(id, actor);
        Ok(id)
    }

    /// Counts that an actor's memory has changed.
    fn resize(&mut self, id: ActorId, before: usize, after: usize) {
        self.status.memory = (self.status.memory + after).saturating_sub(before);
        let Some(actor) = self.actors.get(&id) else {
            return;
        };
        if actor.author_pays {
            let author = &actor.header.init_peer_id;
            self.authors.resize(author, before, after);
        }
        if actor.worker_pays {
            self.workers.resize(&actor.scope, before, after);
        }
    }

    /// Gives an actor a turn if it has something to do and has none.
    fn wake(&mut self, id: ActorId) {
        if let Some(actor) = self.actors.get_mut(&id)
            && !actor.waits_for_turn
            && actor.has_work()
        {
            actor.waits_for_turn = true;
            self.turns.push(id);
        }
    }

    /// Delivers the result of a call that took its time. Lost when the particle expired.
    pub fn complete(&mut self, call: CallId, result: Value) {
        self.connects = self.connects.saturating_sub(1);
        self.resume(
            call,
            CallResult {
                ret_code: 0,
                result: alloc::format!("{result}"),
            },
        );
    }

    /// A call takes its time.
    fn suspend(&mut self, call: CallId) {
        if let Some(actor) = self.actors.get_mut(&call.actor) {
            actor.calls += 1;
        }
    }

    /// A call that took its time has its result.
    fn resume(&mut self, call: CallId, result: CallResult) {
        if let Some(actor) = self.actors.get_mut(&call.actor) {
            actor.calls = actor.calls.saturating_sub(1);
        }
        self.finish(call, result);
    }

    fn finish(&mut self, call: CallId, result: CallResult) {
        if let Some(actor) = self.actors.get_mut(&call.actor) {
            let bytes = result.result.len();
            actor.results.push((call.request, result));
            self.resize(call.actor, 0, bytes);
            self.wake(call.actor);
        }
    }

    /// Fires what is due: alarms and deadlines.
    pub fn timer(&mut self, clock: Clock) {
        while let Some((call, result)) = self.timers.due(clock.now) {
            self.status.memory -= result.result.len();
            self.resume(call, result);
        }
        self.run_spells(clock);
        self.rooms.timer(clock);
        for _ in 0..self.limits.max_removed_per_round {
            match self.deadlines.first() {
                Some(&(deadline, id)) if deadline < clock.wall_ms => self.remove(id),
                _ => break,
            }
        }
    }

    fn remove(&mut self, id: ActorId) {
        if let Some(actor) = self.actors.remove(&id) {
            let memory = actor.memory();
            self.deadlines.remove(&(actor.deadline, id));
            self.rooms.vaults.leave(&actor.scope, &actor.header);
            self.by_key.remove(&actor.key);
            if actor.is_run {
                self.runs.remove(id, &actor);
            }
            self.status.memory -= memory;
            if actor.author_pays {
                self.authors.remove(&actor.header.init_peer_id, memory);
            }
            if actor.worker_pays {
                self.workers.remove(&actor.scope, memory);
                if !self.host().is_local(&actor.scope) {
                    self.workers.forget(&actor.scope);
                }
            }
        }
    }

    /// Particles that wait for their turn to run, beside those that wait behind all others.
    pub fn waiting(&self) -> usize {
        self.turns.len()
    }

    /// When to call [`Node::timer`] or [`Node::step`] next, if nothing comes in before.
    pub fn wake_at(&self, clock: Clock) -> Option<Instant> {
        if !self.turns.is_empty() {
            return Some(clock.now);
        }
        let deadline = self.deadlines.first().map(|&(deadline, _)| {
            clock.now + Duration::from_millis((deadline + 1).saturating_sub(clock.wall_ms))
        });
        let spell = self.rooms.spells.schedule.next();
        let spell =
            spell.map(|at| clock.now + Duration::from_millis(at.saturating_sub(clock.wall_ms)));
        [self.timers.next(), deadline, spell, self.rooms.wake_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lets the actor whose turn it is run once. False when there is nothing to do.
    pub fn step(&mut self, clock: Clock, network: &dyn Network, out: &mut Vec<Effect>) -> bool {
        let Some(id) = self.next_turn(clock.now) else {
            return false;
        };
        let Some(actor) = self.actors.get_mut(&id) else {
            return true;
        };
        actor.waits_for_turn = false;
        if actor.deadline < clock.wall_ms {
            self.count(Refusal::ExpiredHere);
            return true;
        }
        let Some(key) = self.rooms.host().key(&actor.scope) else {
            return true;
        };
        let before = actor.memory();
        let read = actor.data.len() + actor.mailbox.front().map_or(0, Bytes::len);
        let current = actor.mailbox.pop_front().unwrap_or_default();
        let begin = self.rooms.now();
        let mut outcome = self.interpreter.run(Run {
            particle: &actor.header,
            scope: &actor.scope,
            key,
            prev: &actor.data,
            current: &current,
            results: core::mem::take(&mut actor.results),
        });
        if let (Some(begin), Some(end)) = (begin, self.rooms.now()) {
            self.rooms.tally.meters.avm_call.time(end.since(begin));
        }
        // Kept before anything is done about it, also after an error.
        actor.data = core::mem::take(&mut outcome.data).into();
        let after = actor.memory();
        let (steps, cost) = (
            outcome.steps,
            limits::cost(outcome.steps, read + actor.data.len()),
        );
        if actor.author_pays {
            let author = &actor.header.init_peer_id;
            self.authors.charge(clock.now, author, steps, cost);
        }
        if actor.worker_pays {
            self.workers.charge(clock.now, &actor.scope, steps, cost);
        }
        self.status.steps += steps;
        self.status.runs += 1;
        self.resize(id, before, after);
        if outcome.ret_code == air::OVER_BUDGET {
            self.count(Refusal::RunBudget);
        }
        if outcome.ret_code != 0 {
            self.status.failed_runs += 1;
            log::debug!(
                target: "air",
                "particle {}: error {}: {}",
                Quoted(self.actors.get(&id).map_or("", |actor| &actor.header.id)),
                outcome.ret_code, Quoted(&outcome.error_message)
            );
        }
        self.act(clock, network, id, outcome, out);
        if let (Some(begin), Some(end)) = (begin, self.rooms.now()) {
            self.rooms
                .tally
                .meters
                .interpretation
                .time(end.since(begin));
        }
        self.wake(id);
        true
    }

    /// The actor whose turn it is.
    fn next_turn(&mut self, now: Instant) -> Option<ActorId> {
        let Node {
            turns,
            actors,
            authors,
            workers,
            status,
            ..
        } = self;
        turns.pop(now, |id| {
            let actor = actors.get(&id)?;
            let author = actor.header.init_peer_id;
            let author = actor.author_pays.then_some(author);
            let author =
                author.and_then(|author| Some((author, authors.busy_until(now, &author)?)));
            let worker = actor.worker_pays.then_some(actor.scope);
            let worker =
                worker.and_then(|worker| Some((worker, workers.busy_until(now, &worker)?)));
            if let Some((author, _)) = &author {
                authors.defer(author);
            }
            if let Some((worker, _)) = &worker {
                workers.defer(worker);
            }
            let until = [author, worker]
                .into_iter()
                .flatten()
                .map(|(_, until)| until)
                .max();
            status.deferred += u64::from(until.is_some());
            until
        })
    }

    /// Answers the calls of an outcome and passes its particle on.
    fn act(
        &mut self,
        clock: Clock,
        network: &dyn Network,
        id: ActorId,
        outcome: Outcome,
        out: &mut Vec<Effect>,
    ) {
        let Ok(next_peers) = outcome
            .next_peers
            .iter()
            .map(|peer| peer.parse::<PeerId>())
            .collect::<Result<Vec<_>, _>>()
        else {
            self.count(Refusal::BadNextPeer);
            return;
        };
        for (request_id, request) in outcome.requests {
            self.answer(
                clock,
                network,
                CallId {
                    actor: id,
                    request: request_id,
                },
                &request,
                out,
            );
        }
        for peer in next_peers {
            let Some(actor) = self.actors.get(&id) else {
                return;
            };
            if self.host().is_local(&peer) {
                let (header, data) = (actor.header.clone(), actor.data.clone());
                if let Err(reason) = self.deliver(clock, peer, header, data) {
                    self.count(reason);
                }
            } else {
                self.status.sent += 1;
                out.push(Effect::Send {
                    peer,
                    particle: actor.header.join(actor.data.clone()),
                });
            }
        }
    }

    fn answer(
        &mut self,
        clock: Clock,
        network: &dyn Network,
        call: CallId,
        request: &CallRequest,
        out: &mut Vec<Effect>,
    ) {
        let Some(actor) = self.actors.get(&call.actor) else {
            return;
        };
        let host = self.rooms.host().clone();
        if !host.is_local(&actor.scope) {
            return;
        }
        let request_call = Call {
            host: &host,
            network,
            clock,
            scope: actor.scope,
            trusted: self.rooms.is_trusted(&actor.header),
            particle: &actor.header,
            request,
        };
        let begin = self.rooms.now();
        let answer = builtins::call(&mut self.rooms, &request_call);
        if !matches!(answer, Ok(Reply::Later(_)))
            && let (Some(begin), Some(end)) = (begin, self.rooms.now())
        {
            self.rooms.tally.meters.builtin_call.time(end.since(begin));
        }
        self.status.calls += 1;
        let deadline = actor.deadline;
        let result = match builtins::result(answer) {
            Ok(result) => result,
            Err(Later::Job(job)) => {
                self.jobs.insert(job, call);
                self.suspend(call);
                return;
            }
            Err(Later::Sleep { duration, result }) => {
                let life = Duration::from_millis(deadline.saturating_sub(clock.wall_ms));
                if duration > life {
                    // The particle is gone by then, and its answer with it.
                    return;
                }
                let result = CallResult {
                    ret_code: 0,
                    result: alloc::format!("{result}"),
                };
                let memory = self.status.memory + result.result.len();
                if self.timers.len() < self.limits.max_timers && memory <= self.limits.max_memory {
                    self.status.memory = memory;
                    self.timers.set(clock.now + duration, call, result);
                    self.suspend(call);
                    return;
                }
                self.refuse_call(Refusal::TimersFull)
            }
            Err(Later::Connect { peer, addresses }) => {
                if self.connects < self.limits.max_connects {
                    self.connects += 1;
                    out.push(Effect::Connect {
                        call,
                        peer,
                        addresses,
                    });
                    self.suspend(call);
                    return;
                }
                self.refuse_call(Refusal::ConnectsFull)
            }
        };
        if result.ret_code != 0 {
            self.status.failed_calls += 1;
            log::debug!(
                target: "node",
                "call {}.{} failed: {}",
                Quoted(request.service_id()), Quoted(request.function_name()), Quoted(&result.result)
            );
        }
        self.finish(call, result);
    }

    /// Begins what needs the time; an edge calls it once, when the wall clock is right.
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

    /// The next job for the disk, if the edge has taken the state. Otherwise these jobs are done
    /// here and now.
    pub fn next_disk_job(&mut self, clock: Clock) -> Option<DiskJob> {
        let job = self.rooms.next_disk_job(clock);
        self.take_answers(clock);
        job
    }

    /// Takes back what came of a disk job.
    pub fn disk_done(&mut self, clock: Clock, done: DiskDone) {
        self.rooms.disk_done(clock, done);
        self.take_answers(clock);
    }

    /// The next job for a compute core, if there is one and its core has room.
    pub fn next_job(&mut self) -> Option<Job> {
        self.rooms.next_job()
    }

    /// Takes back a job that a core has done.
    pub fn done(&mut self, clock: Clock, done: Done) {
        self.rooms.done(clock, done);
        self.take_answers(clock);
    }

    /// Takes the answers of jobs, and the particles of spells.
    fn take_answers(&mut self, clock: Clock) {
        self.take_spells(clock);
        while let Some((job, answer)) = self.rooms.next_answer() {
            self.answered(job, answer);
        }
    }

    /// The next HTTP request that the node has to make.
    pub(crate) fn next_request(&mut self) -> Option<Request> {
        self.rooms.next_request()
    }

    /// Takes the answer to an HTTP request.
    pub(crate) fn http_done(&mut self, clock: Clock, id: u64, answer: Answer) {
        self.rooms.http_done(clock, id, answer);
        self.take_answers(clock);
    }

    /// The answer of the call that waits for a job is there.
    fn answered(&mut self, job: JobId, answer: Result<Reply, CallError>) {
        let Some(call) = self.jobs.remove(&job) else {
            return;
        };
        match answer {
            Ok(Reply::Later(Later::Job(next))) => {
                self.jobs.insert(next, call);
            }
            answer => {
                if let Ok(result) = builtins::result(answer) {
                    self.status.failed_calls += u64::from(result.ret_code != 0);
                    self.resume(call, result);
                }
            }
        }
    }

    /// The answer to a call that is refused for want of room.
    fn refuse_call(&mut self, reason: Refusal) -> CallResult {
        self.count(reason);
        CallError::text(alloc::format!("this peer is too busy: {reason}")).into()
    }
}
