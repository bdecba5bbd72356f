//! All actors, what they hold, and whose accounts that goes on.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use basalt_net::peer_id::PeerId;
use basalt_net::time::Instant;
use bytes::Bytes;

use super::actor::{Actor, ActorId, Key};
use super::finished::Finished;
use super::turns::Weight;
use crate::host::Clock;
use crate::intake::{Account, Accounts, Limits, Verified};
use crate::refusal::Refusal;
use crate::shares::{Full, Payer, Pool};

/// A particle for an actor that is there or is to be made.
pub(super) struct Delivery {
    pub(super) scope: PeerId,
    pub(super) particle: Verified,
    pub(super) data: Bytes,
    /// Bytes of the data as it came in.
    pub(super) own: usize,
    /// Who pays for it.
    pub(super) payer: Payer,
    /// Whether its author's account bounds it.
    pub(super) author_pays: bool,
    /// Whether the account of its scope bounds it.
    pub(super) worker_pays: bool,
    /// Whether a peer of this machine is its author, so that it may be a spell's.
    pub(super) is_own: bool,
}

/// Whose runs tell how long the next one may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Habit {
    Author(PeerId),
    Worker(PeerId),
}

/// All actors. Every byte that one gets or gives back goes through here, so that the sums are
/// right.
pub(super) struct Table {
    limits: Limits,
    actors: BTreeMap<ActorId, Actor>,
    by_key: BTreeMap<Key, ActorId>,
    /// Deadlines in Unix milliseconds.
    deadlines: BTreeSet<(u64, ActorId)>,
    /// The actors of each spell's particles. The particle of a worker's spell has one on the host
    /// and one on the worker.
    of_spells: BTreeMap<String, BTreeSet<ActorId>>,
    authors: Accounts,
    workers: Accounts,
    /// Particles that have nothing left to do.
    finished: Finished,
    /// Actors.
    places: Pool,
    /// Ids of actors and of finished particles.
    ids: Pool,
    /// Bytes of all actors, and what [`Table::hold`] added.
    memory: Pool,
    next: u64,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Table {
        Table {
            actors: BTreeMap::new(),
            by_key: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            of_spells: BTreeMap::new(),
            authors: Accounts::of_authors(limits.author.clone(), limits.max_authors),
            workers: Accounts::of_workers(limits.worker.clone()),
            finished: Finished::default(),
            places: Pool::new(limits.max_actors as u64),
            ids: Pool::new(limits.max_ids as u64),
            memory: Pool::new(limits.max_memory as u64),
            next: 0,
            limits,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.actors.len()
    }

    /// Particles that have nothing left to do, each counted once per scope.
    pub(super) fn finished(&self) -> usize {
        self.finished.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.memory.used() as usize
    }

    /// Pieces of data in all mailboxes.
    pub(super) fn mailboxes(&self) -> usize {
        self.actors.values().map(Actor::mailbox_len).sum()
    }

    /// Number of authors' accounts.
    pub(super) fn authors(&self) -> usize {
        self.authors.len()
    }

    /// The accounts of workers.
    pub(super) fn workers(&self) -> Vec<(PeerId, Account)> {
        let accounts = self.workers.iter();
        accounts.map(|(&id, &account)| (id, account)).collect()
    }

    pub(super) fn get(&self, id: ActorId) -> Option<&Actor> {
        self.actors.get(&id)
    }

    /// The actors of a spell's particles.
    pub(super) fn of_spell(&self, spell: &str) -> impl Iterator<Item = &Actor> {
        let ids = self.of_spells.get(spell).into_iter().flatten();
        ids.filter_map(|id| self.actors.get(id))
    }

    /// Runs of a spell whose deadline is not over, those that have ended included.
    pub(super) fn runs_of_spell(&mut self, spell: &str, wall_ms: u64) -> usize {
        self.of_spell(spell).count() + self.finished.runs(spell, wall_ms)
    }

    /// Counts a particle of so many bytes against its author's rates.
    pub(super) fn count_author(
        &mut self,
        now: Instant,
        author: PeerId,
        payer: &Payer,
        bytes: usize,
    ) -> Result<(), Refusal> {
        self.authors.arrive(now, author, Some(payer), bytes)
    }

    /// Whether a payer may hold so many bytes more.
    pub(super) fn may_hold(&self, payer: &Payer, bytes: usize) -> Result<(), Refusal> {
        let may = self.memory.may_take(payer, bytes as u64);
        may.map_err(|full| match full {
            Full::All => Refusal::MemoryFull,
            Full::Author => Refusal::AuthorMemory,
            Full::Origin => Refusal::OriginMemory,
        })
    }

    /// Counts bytes that are held for an actor elsewhere.
    pub(super) fn hold(&mut self, payer: &Payer, bytes: usize) {
        self.memory.add(payer, bytes as u64);
    }

    /// Gives bytes back that [`Table::hold`] counted.
    pub(super) fn release(&mut self, payer: &Payer, bytes: usize) {
        self.memory.give(payer, bytes as u64);
    }

    /// Puts a particle's data in the mailbox of its actor, which is made if it is not there.
    ///
    /// # Errors
    /// A limit or an account is used up; nothing has changed but the rates.
    pub(super) fn deliver(&mut self, clock: Clock, delivery: Delivery) -> Result<ActorId, Refusal> {
        let Delivery {
            scope,
            particle,
            data,
            own,
            payer,
            author_pays,
            worker_pays,
            is_own,
        } = delivery;
        let author = particle.init_peer_id;
        let key = Key::new(scope, particle.clone());
        let known = self.by_key.get(&key).copied();
        if known.is_none() && self.finished.contains(&key) {
            return Err(Refusal::Finished);
        }
        let (actors, bytes) = match known {
            Some(_) => (0, data.len()),
            None => (1, data.len() + particle.size()),
        };
        if worker_pays {
            let came = particle.script.len() + data.len();
            self.workers.arrive(clock.now, scope, None, came)?;
            self.workers.may_hold(scope, actors, bytes)?;
        }
        if author_pays {
            self.authors.may_hold(author, actors, bytes)?;
        }
        let id = match known {
            Some(id) => id,
            None => {
                let mut actor = Actor::new(scope, particle, payer);
                actor.author_pays = author_pays;
                actor.worker_pays = worker_pays;
                actor.is_of_spell = is_own && actor.particle.spell_id().is_some();
                self.add(clock, actor)?
            }
        };
        let full = |actor: &Actor| actor.mailbox_len() >= self.limits.max_mailbox;
        if self.actors.get(&id).is_none_or(full) {
            return Err(Refusal::MailboxFull);
        }
        self.change(id, |actor| {
            actor.own = actor.own.max(own);
            actor.post(data);
        });
        Ok(id)
    }

    fn add(&mut self, clock: Clock, mut actor: Actor) -> Result<ActorId, Refusal> {
        let (size, payer) = (actor.memory(), actor.payer);
        self.may_hold(&payer, size)?;
        self.ids.may_take(&payer, 1).map_err(|full| match full {
            Full::All => Refusal::IdsFull,
            Full::Author => Refusal::AuthorIds,
            Full::Origin => Refusal::OriginIds,
        })?;
        self.places.take(&payer, 1).map_err(|full| match full {
            Full::All => Refusal::ActorsFull,
            Full::Author => Refusal::AuthorActors,
            Full::Origin => Refusal::OriginActors,
        })?;
        self.ids.add(&payer, 1);
        self.memory.add(&payer, size as u64);
        if actor.author_pays {
            self.authors.add(actor.particle.init_peer_id, size);
        }
        if actor.worker_pays {
            self.workers.add(actor.scope, size);
        }
        // Whatever time the particle claims to come from, it does not live longer here than its own
        // ttl, counted by this node's clock.
        let life = u64::from(actor.particle.ttl).min(self.limits.max_life_ms);
        let latest = clock.wall_ms.saturating_add(life);
        actor.deadline = actor.particle.deadline().min(latest);
        let id = ActorId(self.next);
        self.next += 1;
        self.deadlines.insert((actor.deadline, id));
        self.by_key.insert(actor.key(), id);
        if actor.is_of_spell
            && let Some(spell) = actor.particle.spell_id()
        {
            let actors = self.of_spells.entry(spell.to_string()).or_default();
            actors.insert(id);
        }
        self.actors.insert(id, actor);
        Ok(id)
    }

    /// Changes an actor, and counts what it holds more or less afterwards. `None`: it is gone.
    pub(super) fn change<T>(
        &mut self,
        id: ActorId,
        change: impl FnOnce(&mut Actor) -> T,
    ) -> Option<T> {
        let actor = self.actors.get_mut(&id)?;
        let before = actor.memory();
        let result = change(actor);
        let after = actor.memory();
        match after.checked_sub(before) {
            Some(more) => self.memory.add(&actor.payer, more as u64),
            None => self.memory.give(&actor.payer, (before - after) as u64),
        }
        if actor.author_pays {
            let author = &actor.particle.init_peer_id;
            self.authors.resize(author, before, after);
        }
        if actor.worker_pays {
            self.workers.resize(&actor.scope, before, after);
        }
        Some(result)
    }

    /// Charges a run to those who pay for its actor.
    pub(super) fn charge(&mut self, now: Instant, id: ActorId, steps: u64, cost: u64) {
        let Some(actor) = self.actors.get(&id) else {
            return;
        };
        if actor.author_pays {
            let author = &actor.particle.init_peer_id;
            self.authors.charge(now, author, steps, cost);
        }
        if actor.worker_pays {
            self.workers.charge(now, &actor.scope, steps, cost);
        }
    }

    /// Whose turns those of an actor are: its author's, or its worker's if that made the particle.
    /// None: this machine's own.
    pub(super) fn habit(&self, actor: &Actor) -> Option<Habit> {
        match (actor.author_pays, actor.worker_pays) {
            (true, _) => Some(Habit::Author(actor.particle.init_peer_id)),
            (false, true) => Some(Habit::Worker(actor.scope)),
            (false, false) => None,
        }
    }

    /// How long somebody's turns are, as far as it is known.
    pub(super) fn weight(&self, now: Instant, habit: Option<Habit>) -> Weight {
        let light = match habit {
            Some(Habit::Author(author)) => self.authors.is_light(now, &author),
            Some(Habit::Worker(worker)) => self.workers.is_light(now, &worker),
            None => true,
        };
        match light {
            true => Weight::Light,
            false => Weight::Other,
        }
    }

    /// Remembers from when on somebody's turns are taken to be short.
    pub(super) fn set_light(&mut self, habit: Habit, from: Instant) {
        match habit {
            Habit::Author(author) => self.authors.set_light(&author, from),
            Habit::Worker(worker) => self.workers.set_light(&worker, from),
        }
    }

    /// Until when an actor goes behind the others, because its author or its worker has had more
    /// than its share of work. Each time is counted on the account that is to blame.
    pub(super) fn defer(&mut self, now: Instant, id: ActorId) -> Option<Instant> {
        let actor = self.actors.get(&id)?;
        let mut until = None;
        for (pays, who, accounts) in [
            (
                actor.author_pays,
                &actor.particle.init_peer_id,
                &mut self.authors,
            ),
            (actor.worker_pays, &actor.scope, &mut self.workers),
        ] {
            if pays && let Some(ready) = accounts.busy_until(now, who) {
                accounts.defer(who);
                until = until.max(Some(ready));
            }
        }
        until
    }

    /// The earliest deadline, Unix milliseconds.
    pub(super) fn first_deadline(&self) -> Option<u64> {
        let first = self.deadlines.first().map(|&(deadline, _)| deadline);
        first.into_iter().chain(self.finished.first_end()).min()
    }

    /// Forgets finished particles whose time is over, `max` at most; how many.
    pub(super) fn forget_finished(&mut self, wall_ms: u64, max: usize) -> usize {
        for forgotten in 0..max {
            match self.finished.take_expired(wall_ms) {
                Some(payer) => self.ids.give(&payer, 1),
                None => return forgotten,
            }
        }
        max
    }

    /// Removes an actor that has nothing left to do. Its id stays until its deadline.
    pub(super) fn finish(&mut self, id: ActorId) -> Option<Actor> {
        let actor = self.actors.get(&id)?;
        if !actor.is_finished() {
            return None;
        }
        let (key, deadline, payer) = (actor.key(), actor.deadline, actor.payer);
        let actor = self.remove(id)?;
        self.finished.add(&key, deadline, &payer);
        if actor.is_of_spell
            && let Some(spell) = actor.particle.spell_id()
        {
            self.finished.add_run(spell, deadline);
        }
        Some(actor)
    }

    /// Removes an actor whose deadline is over.
    pub(super) fn take_expired(&mut self, wall_ms: u64) -> Option<Actor> {
        let &(deadline, id) = self.deadlines.first()?;
        if deadline >= wall_ms {
            return None;
        }
        let actor = self.remove(id)?;
        self.ids.give(&actor.payer, 1);
        Some(actor)
    }

    fn remove(&mut self, id: ActorId) -> Option<Actor> {
        let actor = self.actors.remove(&id)?;
        self.deadlines.remove(&(actor.deadline, id));
        let memory = actor.memory();
        self.by_key.remove(&actor.key());
        self.places.give(&actor.payer, 1);
        self.memory.give(&actor.payer, memory as u64);
        if actor.is_of_spell
            && let Some(spell) = actor.particle.spell_id()
            && let Some(actors) = self.of_spells.get_mut(spell)
        {
            actors.remove(&id);
            if actors.is_empty() {
                self.of_spells.remove(spell);
            }
        }
        if actor.author_pays {
            self.authors.remove(&actor.particle.init_peer_id, memory);
        }
        if actor.worker_pays {
            self.workers.remove(&actor.scope, memory);
        }
        Some(actor)
    }

    /// Forgets the account of a worker that does not exist any more, once none of its actors is
    /// left.
    pub(super) fn forget_worker(&mut self, worker: &PeerId) {
        self.workers.forget(worker);
    }
}
