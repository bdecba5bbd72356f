//! The system core's end of proving: drives the state machine, hands its decisions to the compute
//! cores, keeps proofs, and tells how it goes.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use basalt_manifest::{Prover as Settings, ProverMode};
use basalt_node::state::State;
use basalt_prover::capacity::msr::Preset;
use basalt_prover::capacity::prover::{Config, JobId, SlotId, UnitState, UnitStatus};
use basalt_prover::capacity::schedule::Schedule;
use basalt_prover::capacity::slot::{Lanes, Slot, Work};
use basalt_prover::capacity::{
    CoreId, CuId, Difficulty, Effect, GlobalNonce, Input, LocalNonce, Proof, Prover, Quota, Report,
    Task, metrics, records,
};
use basalt_prover::randomx::Fluence;

use super::assignment::{Assignment, ComputeCore};
use super::proofs::{Kept, Task as DiskTask};
use super::{need, registers};
use crate::cpu::topology;
use crate::{entropy, log as lines, time};

/// Time between two looks at how the units are.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two lines about a unit that goes on doing the same.
const SUMMARY: Duration = Duration::from_secs(60);
/// Steps of a fill that are told, in percent.
const FILL_STEP: f64 = 10.0;
const EPOCH_SECONDS: f64 = 86_400.0;

/// What was last told of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    state: UnitState,
    at: Duration,
}

/// The prover's state machine and its threads.
pub struct Manager {
    prover: Prover,
    schedule: Schedule,
    /// When the epoch ends, in seconds since 1970.
    epoch_ends: Option<u64>,
    allocation: BTreeMap<CoreId, CuId>,
    /// The lanes of the compute cores that are threads of a physical core.
    threads: BTreeMap<CoreId, Vec<usize>>,
    /// Physical cores that serve deals.
    deals: BTreeSet<CoreId>,
    slots: BTreeMap<SlotId, Arc<Slot<Fluence>>>,
    light: bool,
    lanes: Lanes,
    preset: Option<&'static Preset>,
    next_look: Duration,
    told: BTreeMap<CuId, Told>,
    /// What is to be done with the state, in this order.
    disk_tasks: VecDeque<DiskTask>,
}

impl Manager {
    /// Begins to prove as the manifest says on the compute cores behind `lanes`; `None` if it is
    /// not to, or there is no core for it.
    pub fn start(
        settings: &Settings,
        lanes: &mut [impl ComputeCore],
        mut state: Option<&mut State>,
    ) -> Option<Self> {
        if settings.mode == ProverMode::Off {
            return None;
        }
        if lanes.is_empty() {
            log::error!(target: "prover", "no compute core runs: nothing is proven");
            return None;
        }
        let threads = threads(lanes);
        let allocation = allocation(settings, &threads);
        let config = Config {
            slots: settings.datasets.map_or(settings.units.len(), usize::from),
            at_once: settings.mode == ProverMode::Light,
            epoch_seconds: settings.epoch_seconds.map_or(EPOCH_SECONDS, f64::from),
            ..Config::default()
        };
        let schedule = Schedule {
            nonce: GlobalNonce(settings.global_nonce),
            difficulty: Difficulty(settings.difficulty),
            seconds: settings.epoch_seconds,
        };
        log::info!(
            target: "prover", "{} units on {} cores with {} threads, {} datasets, {}",
            settings.units.len(), threads.len(), lanes.len(), config.slots,
            if settings.mode == ProverMode::Light { "light" } else { "fast" },
        );
        let mut manager = Self {
            prover: Prover::new(config),
            schedule,
            epoch_ends: None,
            allocation,
            threads,
            deals: BTreeSet::new(),
            slots: BTreeMap::new(),
            light: settings.mode == ProverMode::Light,
            lanes: need::lanes(physical_cores(lanes)),
            preset: registers::preset(settings.registers),
            next_look: Duration::ZERO,
            told: BTreeMap::new(),
            disk_tasks: VecDeque::new(),
        };
        if state.is_none() {
            log::warn!(target: "prover", "there is no disk for proofs: a reset loses them");
        }
        let quota = Quota {
            min: settings.min_proofs.map(u32::from),
            max: settings.max_proofs.map(u32::from),
        };
        manager.input(Input::Quota(quota), lanes);
        manager.begin_epoch();
        // Nobody waits for this machine yet.
        while let Some(task) = manager.next_disk_task() {
            let kept = match &mut state {
                Some(state) => task.run(state),
                None => task.run_without_disk(),
            };
            manager.kept(kept, lanes);
        }
        Some(manager)
    }

    /// Aligns with the epoch of the hour. It begins when what is kept of it was read: a proof that
    /// was found before would get the number of one that is kept.
    fn begin_epoch(&mut self) {
        let now = unix_seconds();
        let epoch = self.schedule.epoch_at(now);
        self.epoch_ends = self.schedule.next_after(now);
        self.disk_tasks.push_back(DiskTask::Restore(epoch));
    }

    /// The next thing to be done with the state, after those before it.
    pub fn next_disk_task(&mut self) -> Option<DiskTask> {
        self.disk_tasks.pop_front()
    }

    /// Takes what came of a [`DiskTask`].
    pub fn kept(&mut self, kept: Kept, lanes: &mut [impl ComputeCore]) {
        match kept {
            Kept::Stored(proof, Ok(())) => {
                let stored = Input::Stored(proof.cu, proof.index);
                // Taking note of a stored proof has no effects and cannot fail.
                let _ = self
                    .prover
                    .handle(time::since_entry(), stored, &mut Vec::new());
                tell(&proof);
            }
            // It stays unknown to all: what is shown must survive a reset.
            Kept::Stored(proof, Err(error)) => {
                log::error!(target: "prover", "proof {} of {} is not stored: {error}", proof.index, proof.cu);
            }
            Kept::Restored(epoch, kept) => {
                let kept = kept.unwrap_or_else(|error| {
                    log::error!(target: "prover", "the kept proofs cannot be read: {error}");
                    Vec::new()
                });
                log::info!(target: "prover", "epoch with nonce {}", epoch.nonce);
                let allocation = self.allocation.clone();
                self.input(Input::Active { epoch, allocation }, lanes);
                if !kept.is_empty() {
                    log::info!(target: "prover", "{} proofs of this epoch were kept", kept.len());
                }
                for proof in kept {
                    self.input(Input::Restore(proof), lanes);
                    tell(&proof);
                }
            }
        }
    }

    /// Takes what a compute core reports.
    pub fn report(
        &mut self,
        lane: usize,
        job: JobId,
        report: Report,
        lanes: &mut [impl ComputeCore],
    ) {
        let core = self
            .threads
            .iter()
            .find(|(_, threads)| threads.contains(&lane));
        if let Some((&core, _)) = core {
            self.input(Input::Report(core, job, report), lanes);
        }
    }

    /// Leaves the physical cores of these lanes to deals, and proves on all others.
    pub fn serve(&mut self, lanes_of_deals: &[usize], lanes: &mut [impl ComputeCore]) {
        let in_deal = |threads: &[usize]| threads.iter().any(|lane| lanes_of_deals.contains(lane));
        let cores = self.threads.iter();
        let deals: BTreeSet<CoreId> = cores
            .filter(|(_, threads)| in_deal(threads))
            .map(|(&core, _)| core)
            .collect();
        let before = core::mem::replace(&mut self.deals, deals.clone());
        for &core in before.symmetric_difference(&deals) {
            let goes = deals.contains(&core);
            self.input(Input::Deal(core, goes), lanes);
        }
        self.next_look = time::since_entry();
    }

    /// Does what is due by the clock; tells whether it was time to look at how the units are.
    pub fn poll(&mut self) -> bool {
        if self.epoch_ends.is_some_and(|end| unix_seconds() >= end) {
            self.begin_epoch();
        }
        let now = time::since_entry();
        let due = now >= self.next_look;
        if due {
            self.next_look = now + LOOK;
            self.look(now);
        }
        due
    }

    /// When to poll next at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        // The look comes every second, and the epoch's end is noticed then.
        self.next_look
    }

    /// The metrics, under the reference prover's names, without an end mark.
    #[must_use]
    pub fn metrics(&self) -> String {
        metrics::families(&self.prover, time::since_entry())
    }

    fn input(&mut self, input: Input, lanes: &mut [impl ComputeCore]) {
        let now = time::since_entry();
        let mut effects = Vec::new();
        if let Err(reason) = self.prover.handle(now, input, &mut effects) {
            log::debug!(target: "prover", "{reason}");
        }
        for effect in effects {
            match effect {
                Effect::Assign(core, job, task) => self.assign(core, job, task, lanes),
                // Cores still inside keep it until they look up, within one hash.
                Effect::Release(slot) => drop(self.slots.remove(&slot)),
                Effect::Store(proof) => self.disk_tasks.push_back(DiskTask::Store(proof)),
                // What is kept of other epochs went when this one began.
                Effect::Forget { .. } | Effect::Remember(..) => {}
            }
        }
    }

    fn assign(&mut self, core: CoreId, job: JobId, task: Task, lanes: &mut [impl ComputeCore]) {
        if let Task::Cache { slot, .. } = task {
            let light = self.light;
            self.slots
                .entry(slot)
                .or_insert_with(|| Arc::new(Slot::new(light)));
        }
        let threads = self.threads.get(&core).into_iter().flatten();
        for (number, &lane) in threads.enumerate() {
            // A cache is one thread's work.
            let alone = matches!(task, Task::Cache { .. }) && number > 0;
            let work = if alone { None } else { self.work(task) };
            let assignment = work.map(|work| Assignment {
                job,
                work,
                lanes: self.lanes,
                preset: self.preset,
            });
            if let Some(lane) = lanes.get_mut(lane) {
                lane.assign_proving(assignment);
            }
        }
    }

    fn work(&self, task: Task) -> Option<Work<Fluence>> {
        let slot = |id| self.slots.get(&id).cloned();
        match task {
            Task::Idle | Task::Deal => None,
            Task::Cache { slot: id, key } => slot(id).map(|slot| Work::Cache { slot, key }),
            Task::Fill { slot: id } => slot(id).map(|slot| Work::Fill { slot }),
            Task::Hash {
                slot: id, epoch, ..
            } => slot(id).map(|slot| Work::Hash {
                slot,
                difficulty: epoch.difficulty,
                start: LocalNonce(entropy::seed_bytes()),
            }),
        }
    }

    /// Tells of units that do something new, and of all from time to time.
    fn look(&mut self, now: Duration) {
        for unit in self.prover.status(now) {
            let state = coarse(unit.state);
            let news = self
                .told
                .get(&unit.cu)
                .is_none_or(|told| told.state != state || now >= told.at + SUMMARY);
            if news {
                self.told.insert(unit.cu, Told { state, at: now });
                log::info!(target: "prover", "{}", summary(&unit));
            }
        }
    }
}

/// Which unit each physical core proves. Cores beyond the units help them: they share the datasets.
fn allocation(
    settings: &Settings,
    threads: &BTreeMap<CoreId, Vec<usize>>,
) -> BTreeMap<CoreId, CuId> {
    let units = settings.units.iter().map(|&id| CuId(id));
    threads.keys().copied().zip(units.cycle()).collect()
}

/// The lane of the core that proves each unit of the manifest. Of several cores of a unit the first
/// comes last: the reader lets the last entry count.
pub fn homes(settings: &Settings, lanes: &[impl ComputeCore]) -> Vec<(String, usize)> {
    let threads = threads(lanes);
    let homes = allocation(settings, &threads).into_iter();
    let lane = |core| threads.get(&core).and_then(|lanes| lanes.first());
    homes
        .filter_map(|(core, unit)| lane(core).map(|&lane| (unit.to_string(), lane)))
        .rev()
        .collect()
}

/// Lanes by the physical core that their cores are threads of.
fn threads(lanes: &[impl ComputeCore]) -> BTreeMap<CoreId, Vec<usize>> {
    let mut threads: BTreeMap<CoreId, Vec<usize>> = BTreeMap::new();
    for (lane, core) in physical_cores(lanes).into_iter().enumerate() {
        threads.entry(CoreId(core as u32)).or_default().push(lane);
    }
    threads
}

/// Bytes of memory that proving on these cores takes once it has begun.
#[must_use]
pub fn memory_needed(settings: &Settings, lanes: &[impl ComputeCore]) -> u64 {
    need::bytes(settings, lanes.len(), need::lanes(physical_cores(lanes)))
}

/// The physical core of each lane's core.
fn physical_cores(lanes: &[impl ComputeCore]) -> Vec<usize> {
    let ids: Vec<u32> = lanes.iter().map(ComputeCore::apic_id).collect();
    topology::physical_cores(&ids, topology::thread_bits()).collect()
}

fn unix_seconds() -> u64 {
    time::wall_millis() / 1000
}

/// A state without what changes all the time.
fn coarse(state: UnitState) -> UnitState {
    match state {
        UnitState::Filling(percent) => {
            UnitState::Filling((percent / FILL_STEP) as u32 as f64 * FILL_STEP)
        }
        other => other,
    }
}

/// A line about a unit.
fn summary(unit: &UnitStatus) -> String {
    let UnitStatus {
        cu,
        state,
        rates: [short, middle, long],
        found,
        stored,
        expected,
        success,
    } = unit;
    let chance = success.map_or(String::new(), |chance| {
        alloc::format!(", minimum reached with probability {chance:.4}")
    });
    alloc::format!(
        "unit {cu}: {state}, {short:.1} {middle:.1} {long:.1} H/s (10 s, 60 s, 15 min), {found} proofs \
         found, {stored} stored, {expected:.1} expected per epoch{chance}"
    )
}

/// Lets a proof leave the machine.
fn tell(proof: &Proof) {
    lines::verdict(format_args!(
        "basalt: proof {}",
        records::proof_to_json(proof)
    ));
}
