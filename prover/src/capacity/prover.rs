//! The state machine of proving: who works for which compute unit, with which dataset.
//!
//! Inputs are what the chain (or the peer in front of it) wants and what the cores report; effects
//! say what each core does next and what to store. Datasets live in *slots*; a slot belongs to a
//! compute unit and is filled by every core that has nothing to hash for. All cores of a unit share
//! its slot. With fewer slots than units the units take turns, the one with the fewest proofs
//! first, and all cores work for those that have a slot.

use super::proofs::{Limits, Proofs, Refused};
use super::prospects::{expected_proofs, probability_of_reaching};
use super::rate::Meter;
use super::{CuId, Epoch, LocalNonce, Proof, Quota, ResultHash, randomx_key};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// A physical core that can work for a compute unit, with all its hardware threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreId(pub u32);

/// A place for a dataset. An id is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

/// What is given to a core; reports carry it back, so that those of an old one are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Nothing.
    Idle,
    /// It is the deal's.
    Deal,
    /// Makes the slot's cache from the key, or goes on with it. One core only.
    Cache {
        /// The slot.
        slot: SlotId,
        /// The RandomX key.
        key: [u8; 32],
    },
    /// Fills the slot's dataset from its cache, together with others.
    Fill {
        /// The slot.
        slot: SlotId,
    },
    /// Hashes with the slot's dataset. Every thread starts from random bytes of its own.
    Hash {
        /// The slot.
        slot: SlotId,
        /// Whose proofs they are.
        cu: CuId,
        /// What for.
        epoch: Epoch,
    },
}

/// What a core says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The cache is complete.
    CacheReady,
    /// So many items of the dataset are there.
    Filled {
        /// Items done.
        done: usize,
        /// Items in all; the dataset is complete when both are equal.
        of: usize,
    },
    /// So many more hashes are done.
    Hashed(u64),
    /// A proof.
    Found(LocalNonce, ResultHash),
}

/// What comes in.
#[derive(Clone, Debug)]
pub enum Input {
    /// Prove for these units on these cores. The same again changes nothing; another nonce or
    /// difficulty is a new epoch, or the correction of a stale one.
    Active {
        /// The epoch.
        epoch: Epoch,
        /// Which core works for which unit.
        allocation: BTreeMap<CoreId, CuId>,
    },
    /// Nothing to prove.
    Inactive,
    /// The limits of the epoch, read from chain.
    Quota(Quota),
    /// The chain has confirmed so many proofs of a unit in this epoch.
    Confirmed(CuId, u32),
    /// A core goes to a deal, or comes back.
    Deal(CoreId, bool),
    /// A core at work says something.
    Report(CoreId, JobId, Report),
    /// A proof is safe on disk.
    Stored(CuId, u64),
    /// A proof read from disk after a restart, before anything else but [`Active`](Self::Active).
    Restore(Proof),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The core drops what it does and does this.
    Assign(CoreId, JobId, Task),
    /// No core uses the slot's memory any more; it can be given back. Follows the assignments.
    Release(SlotId),
    /// Write the proof to disk, then say [`Input::Stored`].
    Store(Proof),
    /// Delete all stored proofs but those of this epoch.
    Forget {
        /// The epoch whose proofs stay.
        keep: Option<Epoch>,
    },
    /// Write the epoch and the allocation to disk.
    Remember(Option<Epoch>, BTreeMap<CoreId, CuId>),
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The report is of a job that the core no longer has.
    OldJob(CoreId),
    /// The proof must not be submitted.
    Proof(Refused),
    /// More cores than [`Config::cores`].
    TooManyCores(usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldJob(core) => write!(f, "core {} reports on a job it no longer has", core.0),
            Self::Proof(refused) => write!(f, "proof dropped: {refused}"),
            Self::TooManyCores(count) => write!(f, "an allocation of {count} cores is too large"),
        }
    }
}

impl core::error::Error for Error {}

/// What the machine has and how it is used.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Datasets that memory holds.
    pub slots: usize,
    /// Whether all slots may be prepared at once: in light mode, where caches stay and no core can
    /// help another with one. Else one after the other, so that memory for one cache is enough.
    pub at_once: bool,
    /// Largest allocation taken: bounds memory against a request of millions of cores.
    pub cores: usize,
    /// Length of an epoch, for what is expected of it.
    pub epoch_seconds: f64,
    /// Bounds on proofs.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            slots: 1,
            at_once: false,
            cores: 4096,
            epoch_seconds: 86_400.0,
            limits: Limits::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Cache,
    Filling { done: usize, of: usize },
    Ready,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    cu: CuId,
    phase: Phase,
}

/// What a unit is doing, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UnitState {
    /// Its turn has not come.
    Waiting,
    /// Its cache is being made.
    Cache,
    /// Its dataset is being filled: percent.
    Filling(f64),
    /// Hashing.
    Hashing,
    /// It has all proofs that an epoch takes.
    AtMaximum,
    /// All its cores serve a deal.
    InDeal,
}

impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting for a dataset"),
            Self::Cache => f.write_str("making the cache"),
            Self::Filling(percent) => write!(f, "filling the dataset, {percent:.0} %"),
            Self::Hashing => f.write_str("hashing"),
            Self::AtMaximum => f.write_str("idle at the maximum"),
            Self::InDeal => f.write_str("in a deal"),
        }
    }
}

/// All there is to say about a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitStatus {
    /// The unit.
    pub cu: CuId,
    /// What it is doing.
    pub state: UnitState,
    /// Hashes per second over 10 s, 60 s and 15 min.
    pub rates: [f64; 3],
    /// Proofs found.
    pub found: usize,
    /// Proofs safe on disk.
    pub stored: usize,
    /// Proofs expected in a whole epoch at the longest window's rate.
    pub expected: f64,
    /// The probability of reaching the minimum at that rate, if there is a known one.
    pub success: Option<f64>,
}

/// Hashes and proofs of a core in this epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoreCount {
    /// Hashes checked.
    pub hashes: u64,
    /// Proofs found.
    pub proofs: u64,
}

/// The state machine.
#[derive(Debug)]
pub struct Prover {
    config: Config,
    quota: Quota,
    allocation: BTreeMap<CoreId, CuId>,
    deals: BTreeSet<CoreId>,
    slots: BTreeMap<SlotId, Slot>,
    jobs: BTreeMap<CoreId, (JobId, Task)>,
    last_job: u64,
    next_slot: u32,
    proofs: Proofs,
    meters: BTreeMap<CuId, Meter>,
    counts: BTreeMap<CoreId, CoreCount>,
    epoch_began: Option<Duration>,
}

impl Prover {
    /// An idle prover.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            quota: Quota::default(),
            allocation: BTreeMap::new(),
            deals: BTreeSet::new(),
            slots: BTreeMap::new(),
            jobs: BTreeMap::new(),
            last_job: 0,
            next_slot: 0,
            proofs: Proofs::new(config.limits),
            meters: BTreeMap::new(),
            counts: BTreeMap::new(),
            epoch_began: None,
        }
    }

    /// Takes an input at `now` (since any fixed moment) and appends what follows to `effects`.
    ///
    /// # Errors
    ///
    /// [`Error`] says why the input was dropped; the state is then as before.
    pub fn handle(
        &mut self,
        now: Duration,
        input: Input,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Error> {
        match input {
            Input::Active { epoch, allocation } => {
                if allocation.len() > self.config.cores {
                    return Err(Error::TooManyCores(allocation.len()));
                }
                self.align(now, Some(epoch), allocation, effects);
            }
            Input::Inactive => self.align(now, None, BTreeMap::new(), effects),
            Input::Quota(quota) => self.quota = quota,
            Input::Confirmed(cu, count) => self.proofs.confirmed(cu, count),
            Input::Deal(core, true) => drop(self.deals.insert(core)),
            Input::Deal(core, false) => drop(self.deals.remove(&core)),
            Input::Stored(cu, index) => {
                self.proofs.stored(&cu, index);
                return Ok(());
            }
            Input::Restore(proof) => self.proofs.restore(proof).map_err(Error::Proof)?,
            Input::Report(core, job, report) => self.report(now, core, job, report, effects)?,
        }
        self.plan(effects);
        Ok(())
    }

    /// Nothing happens by itself: all timing is the cores'.
    pub fn wake_at(&self) -> Option<Duration> {
        None
    }

    /// The proofs of the epoch.
    pub fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    /// What the core does now.
    pub fn task(&self, core: CoreId) -> Task {
        self.jobs.get(&core).map_or(Task::Idle, |(_, task)| *task)
    }

    /// Hashes and proofs per core in this epoch.
    pub fn counts(&self) -> &BTreeMap<CoreId, CoreCount> {
        &self.counts
    }

    /// When the epoch was first heard of.
    pub fn epoch_began(&self) -> Option<Duration> {
        self.epoch_began
    }

    /// The status of every unit at `now`.
    pub fn status(&self, now: Duration) -> Vec<UnitStatus> {
        let units: BTreeSet<CuId> = self.allocation.values().copied().collect();
        units
            .into_iter()
            .map(|cu| self.unit_status(now, cu))
            .collect()
    }

    fn unit_status(&self, now: Duration, cu: CuId) -> UnitStatus {
        let slot = self.slots.values().find(|slot| slot.cu == cu);
        let state = match slot.map(|slot| slot.phase) {
            _ if !self.has_free_core(cu) => UnitState::InDeal,
            _ if !self.is_open(cu) => UnitState::AtMaximum,
            None => UnitState::Waiting,
            Some(Phase::Cache) => UnitState::Cache,
            Some(Phase::Filling { done, of }) => {
                UnitState::Filling(100.0 * done as f64 / of.max(1) as f64)
            }
            Some(Phase::Ready) => UnitState::Hashing,
        };
        let rates = self
            .meters
            .get(&cu)
            .map_or([0.0; 3], |meter| meter.rates(now));
        let (found, stored) = self.proofs.count(&cu);
        let expected = self.proofs.epoch().map_or(0.0, |epoch| {
            expected_proofs(&epoch.difficulty, rates[2], self.config.epoch_seconds)
        });
        let success = self
            .quota
            .min
            .map(|min| probability_of_reaching(min, expected));
        UnitStatus {
            cu,
            state,
            rates,
            found,
            stored,
            expected,
            success,
        }
    }

    fn align(
        &mut self,
        now: Duration,
        epoch: Option<Epoch>,
        allocation: BTreeMap<CoreId, CuId>,
        effects: &mut Vec<Effect>,
    ) {
        let changed = self.proofs.epoch() != epoch;
        if !changed && self.allocation == allocation {
            return;
        }
        if changed {
            // Before any core can find another proof of the old epoch: all stop, all slots go.
            self.stop_all(effects);
            self.proofs.start(epoch);
            self.meters.clear();
            self.counts.clear();
            self.epoch_began = epoch.map(|_| now);
            effects.push(Effect::Forget { keep: epoch });
        }
        self.allocation = allocation;
        effects.push(Effect::Remember(epoch, self.allocation.clone()));
    }

    fn stop_all(&mut self, effects: &mut Vec<Effect>) {
        let cores: Vec<CoreId> = self.jobs.keys().copied().collect();
        for core in cores {
            if !matches!(self.task(core), Task::Idle | Task::Deal) {
                self.assign(core, Task::Idle, effects);
            }
        }
        effects.extend(self.slots.keys().map(|slot| Effect::Release(*slot)));
        self.slots.clear();
    }

    fn report(
        &mut self,
        now: Duration,
        core: CoreId,
        job: JobId,
        report: Report,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Error> {
        let Some((_, task)) = self.jobs.get(&core).filter(|(current, _)| *current == job) else {
            return Err(Error::OldJob(core));
        };
        match (report, *task) {
            (Report::CacheReady, Task::Cache { slot, .. }) => {
                self.set_phase(slot, Phase::Filling { done: 0, of: 1 });
            }
            (Report::Filled { done, of }, Task::Fill { slot }) => {
                let phase = if done >= of {
                    Phase::Ready
                } else {
                    Phase::Filling { done, of }
                };
                self.set_phase(slot, phase);
            }
            (Report::Hashed(count), Task::Hash { cu, .. }) => {
                self.meters.entry(cu).or_default().add(now, count);
                self.counts.entry(core).or_default().hashes += count;
            }
            (Report::Found(nonce, hash), Task::Hash { cu, .. }) => {
                if !self.is_open(cu) {
                    return Err(Error::Proof(Refused::TooMany));
                }
                let proof = self.proofs.found(cu, nonce, hash).map_err(Error::Proof)?;
                self.counts.entry(core).or_default().proofs += 1;
                effects.push(Effect::Store(proof));
            }
            _ => return Err(Error::OldJob(core)),
        }
        Ok(())
    }

    fn set_phase(&mut self, slot: SlotId, phase: Phase) {
        if let Some(slot) = self.slots.get_mut(&slot)
            && slot.phase != Phase::Ready
        {
            slot.phase = phase;
        }
    }

    /// Whether more proofs of the unit are of use.
    fn is_open(&self, cu: CuId) -> bool {
        self.quota
            .max
            .is_none_or(|max| self.proofs.progress(&cu) < max as usize)
    }

    /// Whether there are more units than datasets fit.
    fn is_short_of_memory(&self) -> bool {
        let units: BTreeSet<&CuId> = self.allocation.values().collect();
        units.len() > self.config.slots
    }

    fn has_free_core(&self, cu: CuId) -> bool {
        self.allocation
            .iter()
            .any(|(core, of)| *of == cu && !self.deals.contains(core))
    }

    /// Units that want a dataset, the ones with the fewest proofs first.
    fn wanting(&self) -> Vec<CuId> {
        let units: BTreeSet<CuId> = self.allocation.values().copied().collect();
        let mut wanting: Vec<CuId> = units
            .into_iter()
            .filter(|cu| self.has_free_core(*cu) && self.is_open(*cu))
            .collect();
        wanting.sort_by_key(|cu| (self.proofs.progress(cu), *cu));
        wanting
    }

    /// Decides anew who has a slot and what every core does.
    fn plan(&mut self, effects: &mut Vec<Effect>) {
        let released = if self.proofs.epoch().is_some() {
            let wanting = self.wanting();
            let released = self.give_up_slots(&wanting);
            self.take_slots(&wanting);
            released
        } else {
            Vec::new()
        };
        let cores: BTreeSet<CoreId> = self
            .allocation
            .keys()
            .chain(self.jobs.keys())
            .chain(&self.deals)
            .copied()
            .collect();
        let mut caching = self.cores_at_caches();
        for core in cores {
            let task = self.task_for(core, &mut caching);
            if self.task(core) != task {
                self.assign(core, task, effects);
            }
        }
        effects.extend(released.into_iter().map(Effect::Release));
    }

    /// Takes slots from units that no longer want them: always if all their cores went to deals or
    /// they left the allocation, and at the maximum if another waits.
    fn give_up_slots(&mut self, wanting: &[CuId]) -> Vec<SlotId> {
        let has_slot = |cu: &CuId| self.slots.values().any(|slot| slot.cu == *cu);
        let waiting = wanting.iter().any(|cu| !has_slot(cu));
        let full = self.slots.len() >= self.config.slots;
        let given: Vec<SlotId> = self
            .slots
            .iter()
            .filter(|(_, slot)| {
                !self.has_free_core(slot.cu)
                    || waiting && full && !wanting.contains(&slot.cu)
                    || slot.phase != Phase::Ready && !wanting.contains(&slot.cu)
            })
            .map(|(id, _)| *id)
            .collect();
        self.slots.retain(|id, _| !given.contains(id));
        given
    }

    /// Gives free slots to the first units without one. Unless all may be prepared at once it is
    /// one at a time, by all who can: so the first unit hashes soonest and one cache is enough.
    fn take_slots(&mut self, wanting: &[CuId]) {
        for &cu in wanting {
            let busy = self.slots.values().any(|slot| slot.phase != Phase::Ready);
            if busy && !self.config.at_once || self.slots.len() >= self.config.slots {
                return;
            }
            if self.slots.values().all(|slot| slot.cu != cu) {
                let phase = Phase::Cache;
                self.slots
                    .insert(SlotId(self.next_slot), Slot { cu, phase });
                self.next_slot += 1;
            }
        }
    }

    /// The cores that make caches and may go on with it, by slot.
    fn cores_at_caches(&self) -> BTreeMap<SlotId, CoreId> {
        let at_cache = |(core, (_, task)): (&CoreId, &(JobId, Task))| match task {
            Task::Cache { slot, .. } => {
                let unfinished = self.slots.get(slot)?.phase == Phase::Cache;
                let free = !self.deals.contains(core) && self.allocation.contains_key(core);
                (unfinished && free).then_some((*slot, *core))
            }
            _ => None,
        };
        self.jobs.iter().filter_map(at_cache).collect()
    }

    fn task_for(&self, core: CoreId, caching: &mut BTreeMap<SlotId, CoreId>) -> Task {
        if self.deals.contains(&core) {
            return Task::Deal;
        }
        let (Some(epoch), Some(own)) = (self.proofs.epoch(), self.allocation.get(&core)) else {
            return Task::Idle;
        };
        let ready = |(id, slot): (&SlotId, &Slot)| {
            (slot.phase == Phase::Ready && self.is_open(slot.cu)).then_some((*id, slot.cu))
        };
        let hash = |(slot, cu)| Task::Hash { slot, cu, epoch };
        let mut ready_slots = self.slots.iter().filter_map(ready);
        if let Some(of_own) = ready_slots.find(|(_, cu)| cu == own) {
            return hash(of_own);
        }
        // The own unit's slot first, then the others.
        let (of_own, of_others): (Vec<_>, Vec<_>) =
            self.slots.iter().partition(|(_, slot)| slot.cu == *own);
        for (&slot, &Slot { cu, phase }) in of_own.into_iter().chain(of_others) {
            match phase {
                Phase::Filling { .. } => return Task::Fill { slot },
                Phase::Cache if caching.get(&slot).is_none_or(|at| *at == core) => {
                    caching.insert(slot, core);
                    let key = randomx_key(&epoch.nonce, &cu);
                    return Task::Cache { slot, key };
                }
                Phase::Cache | Phase::Ready => {}
            }
        }
        // Its unit is done: rest, unless others wait for a dataset and every core counts for those
        // that have one.
        if !self.is_open(*own) && !self.is_short_of_memory() {
            return Task::Idle;
        }
        // The unit's turn has not come, or is over: work for those that have a dataset.
        let others = self.slots.iter().filter_map(ready);
        others
            .min_by_key(|(_, cu)| (self.proofs.progress(cu), *cu))
            .map_or(Task::Idle, hash)
    }

    fn assign(&mut self, core: CoreId, task: Task, effects: &mut Vec<Effect>) {
        self.last_job += 1;
        let job = JobId(self.last_job);
        self.jobs.insert(core, (job, task));
        effects.push(Effect::Assign(core, job, task));
    }
}

#[cfg(test)]
mod tests;
