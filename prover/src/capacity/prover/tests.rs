use super::*;
use crate::capacity::{Difficulty, GlobalNonce};

const A: CuId = CuId([0xA; 32]);
const B: CuId = CuId([0xB; 32]);
const C0: CoreId = CoreId(0);
const C1: CoreId = CoreId(1);
const EASY: ResultHash = ResultHash([0; 32]);

fn epoch(nonce: u8) -> Epoch {
    Epoch {
        nonce: GlobalNonce([nonce; 32]),
        difficulty: Difficulty([0x7F; 32]),
    }
}

/// A prover whose effects are applied to a picture of the machine.
struct Bench {
    prover: Prover,
    effects: Vec<Effect>,
    nonce: u8,
}

impl Bench {
    fn new(slots: usize) -> Self {
        let prover = Prover::new(Config {
            slots,
            ..Config::default()
        });
        Self {
            prover,
            effects: Vec::new(),
            nonce: 0,
        }
    }

    fn input(&mut self, input: Input) -> Result<(), Error> {
        self.effects.clear();
        self.prover
            .handle(Duration::from_secs(1), input, &mut self.effects)
    }

    fn active(&mut self, nonce: u8, allocation: &[(CoreId, CuId)]) {
        let allocation = allocation.iter().copied().collect();
        self.input(Input::Active {
            epoch: epoch(nonce),
            allocation,
        })
        .unwrap();
    }

    fn report(&mut self, core: CoreId, report: Report) -> Result<(), Error> {
        let job = self.prover.jobs[&core].0;
        self.input(Input::Report(core, job, report))
    }

    /// Lets the core at the cache finish it, and then some core the dataset.
    fn fill(&mut self) {
        let at = |bench: &Self, wanted: fn(&Task) -> bool| {
            let mut jobs = bench.prover.jobs.iter();
            jobs.find(|(_, (_, task))| wanted(task))
                .map(|(core, _)| *core)
                .unwrap()
        };
        let core = at(self, |task| matches!(task, Task::Cache { .. }));
        self.report(core, Report::CacheReady).unwrap();
        let core = at(self, |task| matches!(task, Task::Fill { .. }));
        self.report(core, Report::Filled { done: 7, of: 7 })
            .unwrap();
    }

    fn find(&mut self, core: CoreId) -> Result<(), Error> {
        self.nonce += 1;
        self.report(core, Report::Found(LocalNonce([self.nonce; 32]), EASY))
    }

    fn hashes_for(&self, core: CoreId) -> Option<CuId> {
        match self.prover.task(core) {
            Task::Hash { cu, .. } => Some(cu),
            _ => None,
        }
    }
}

#[test]
fn in_light_mode_every_unit_gets_its_cache_at_once() {
    let mut bench = Bench::new(2);
    bench.prover.config.at_once = true;
    bench.active(1, &[(C0, A), (C1, B), (CoreId(2), B)]);
    let caches = |bench: &Bench| {
        [C0, C1, CoreId(2)].map(|core| match bench.prover.task(core) {
            Task::Cache { slot, .. } => Some(slot),
            _ => None,
        })
    };
    assert_eq!(caches(&bench), [Some(SlotId(0)), Some(SlotId(1)), None]);
    bench.report(C0, Report::CacheReady).unwrap();
    assert_eq!(caches(&bench), [None, Some(SlotId(1)), None]);
    bench.report(C0, Report::Filled { done: 1, of: 1 }).unwrap();
    assert_eq!(bench.hashes_for(C0), Some(A));
    bench.report(C1, Report::CacheReady).unwrap();
    bench
        .report(CoreId(2), Report::Filled { done: 1, of: 1 })
        .unwrap();
    assert_eq!(
        [C1, CoreId(2)].map(|core| bench.hashes_for(core)),
        [Some(B); 2]
    );
}

#[test]
fn all_idle_cores_fill_one_dataset_after_the_other() {
    let mut bench = Bench::new(2);
    bench.active(1, &[(C0, A), (C1, B)]);
    let key = randomx_key(&epoch(1).nonce, &A);
    assert_eq!(
        bench.prover.task(C0),
        Task::Cache {
            slot: SlotId(0),
            key
        }
    );
    assert_eq!(bench.prover.task(C1), Task::Idle);
    bench.report(C0, Report::CacheReady).unwrap();
    assert_eq!(bench.prover.task(C0), Task::Fill { slot: SlotId(0) });
    assert_eq!(bench.prover.task(C1), Task::Fill { slot: SlotId(0) });
    bench
        .report(C1, Report::Filled { done: 5, of: 10 })
        .unwrap();
    let status = bench.prover.status(Duration::from_secs(1));
    assert_eq!(status[0].state, UnitState::Filling(50.0));
    assert_eq!(status[1].state, UnitState::Waiting);
    bench
        .report(C0, Report::Filled { done: 10, of: 10 })
        .unwrap();
    assert_eq!(bench.hashes_for(C0), Some(A));
    assert!(matches!(
        bench.prover.task(C1),
        Task::Cache {
            slot: SlotId(1),
            ..
        }
    ));
    bench.fill();
    assert_eq!(
        (bench.hashes_for(C0), bench.hashes_for(C1)),
        (Some(A), Some(B))
    );
}

#[test]
fn cores_of_one_unit_share_a_dataset() {
    let mut bench = Bench::new(4);
    bench.active(1, &[(C0, A), (C1, A)]);
    bench.fill();
    assert_eq!(
        (bench.hashes_for(C0), bench.hashes_for(C1)),
        (Some(A), Some(A))
    );
    assert_eq!(bench.prover.slots.len(), 1);
}

#[test]
fn the_same_again_changes_nothing_and_a_new_nonce_everything() {
    let mut bench = Bench::new(1);
    bench.active(1, &[(C0, A)]);
    bench.fill();
    bench.find(C0).unwrap();
    let job = bench.prover.jobs[&C0].0;
    bench.active(1, &[(C0, A)]);
    assert_eq!(bench.effects, []);
    bench.active(2, &[(C0, A)]);
    assert!(matches!(
        bench.effects[0],
        Effect::Assign(C0, _, Task::Idle)
    ));
    let forget = Effect::Forget {
        keep: Some(epoch(2)),
    };
    assert_eq!(bench.effects[1..3], [Effect::Release(SlotId(0)), forget]);
    assert_eq!(bench.prover.proofs().count(&A), (0, 0));
    // A proof of the stale nonce that was under way is dropped.
    let late = Input::Report(C0, job, Report::Found(LocalNonce([99; 32]), EASY));
    assert_eq!(bench.input(late), Err(Error::OldJob(C0)));
    assert_eq!(bench.prover.proofs().count(&A), (0, 0));
}

#[test]
fn a_unit_at_its_maximum_leaves_its_core_idle() {
    let mut bench = Bench::new(1);
    bench
        .input(Input::Quota(Quota {
            min: Some(1),
            max: Some(2),
        }))
        .unwrap();
    bench.active(1, &[(C0, A), (C1, A)]);
    bench.fill();
    bench.find(C0).unwrap();
    bench.find(C1).unwrap();
    assert_eq!(bench.prover.task(C0), Task::Idle);
    assert_eq!(bench.prover.task(C1), Task::Idle);
    assert_eq!(
        bench.prover.status(Duration::ZERO)[0].state,
        UnitState::AtMaximum
    );
    assert_eq!(bench.find(C0), Err(Error::OldJob(C0)));
}

#[test]
fn confirmed_proofs_count_towards_the_maximum() {
    let mut bench = Bench::new(1);
    bench
        .input(Input::Quota(Quota {
            min: None,
            max: Some(3),
        }))
        .unwrap();
    bench.active(1, &[(C0, A)]);
    bench.fill();
    bench.input(Input::Confirmed(A, 3)).unwrap();
    assert_eq!(bench.prover.task(C0), Task::Idle);
}

#[test]
fn a_deal_takes_its_core_at_once_and_the_memory_with_the_last() {
    let mut bench = Bench::new(1);
    bench.active(1, &[(C0, A), (C1, A)]);
    bench.fill();
    bench.input(Input::Deal(C0, true)).unwrap();
    let [Effect::Assign(C0, _, Task::Deal)] = bench.effects[..] else {
        panic!()
    };
    bench.input(Input::Deal(C1, true)).unwrap();
    assert_eq!(bench.effects[1], Effect::Release(SlotId(0)));
    assert_eq!(
        bench.prover.status(Duration::ZERO)[0].state,
        UnitState::InDeal
    );
    bench.input(Input::Deal(C0, false)).unwrap();
    assert!(matches!(bench.prover.task(C0), Task::Cache { .. }));
}

#[test]
fn with_fewer_datasets_than_units_they_take_turns() {
    let mut bench = Bench::new(1);
    bench
        .input(Input::Quota(Quota {
            min: None,
            max: Some(1),
        }))
        .unwrap();
    bench.active(1, &[(C0, A), (C1, B)]);
    bench.fill();
    assert_eq!(
        (bench.hashes_for(C0), bench.hashes_for(C1)),
        (Some(A), Some(A))
    );
    bench.find(C1).unwrap();
    let released = bench.effects.contains(&Effect::Release(SlotId(0)));
    assert!(released, "{:?}", bench.effects);
    bench.fill();
    assert_eq!(
        (bench.hashes_for(C0), bench.hashes_for(C1)),
        (Some(B), Some(B))
    );
    bench.find(C0).unwrap();
    assert_eq!(
        (bench.prover.task(C0), bench.prover.task(C1)),
        (Task::Idle, Task::Idle)
    );
}

#[test]
fn a_cache_is_taken_over_when_its_core_goes_to_a_deal() {
    let mut bench = Bench::new(1);
    bench.active(1, &[(C0, A), (C1, A)]);
    assert!(matches!(bench.prover.task(C0), Task::Cache { .. }));
    bench.input(Input::Deal(C0, true)).unwrap();
    assert!(matches!(
        bench.prover.task(C1),
        Task::Cache {
            slot: SlotId(0),
            ..
        }
    ));
}

#[test]
fn allocation_changes_leave_others_alone() {
    let mut bench = Bench::new(2);
    bench.active(1, &[(C0, A), (C1, B)]);
    bench.fill();
    bench.fill();
    bench.find(C0).unwrap();
    bench.active(1, &[(C0, A), (C1, A)]);
    assert_eq!(bench.hashes_for(C1), Some(A));
    assert!(bench.effects.contains(&Effect::Release(SlotId(1))));
    assert_eq!(bench.prover.proofs().count(&A), (1, 0));
    bench.active(1, &[(C1, A)]);
    assert_eq!(
        (bench.prover.task(C0), bench.hashes_for(C1)),
        (Task::Idle, Some(A))
    );
}

#[test]
fn proofs_survive_a_restart() {
    let mut bench = Bench::new(1);
    bench.active(1, &[(C0, A)]);
    bench.fill();
    bench.find(C0).unwrap();
    let [Effect::Store(proof)] = bench.effects[..] else {
        panic!()
    };
    let mut again = Bench::new(1);
    again.active(1, &[(C0, A)]);
    again.input(Input::Restore(proof)).unwrap();
    assert_eq!(again.prover.proofs().count(&A), (1, 1));
    again.fill();
    again.nonce = 50;
    again.find(C0).unwrap();
    let [Effect::Store(next)] = again.effects[..] else {
        panic!()
    };
    assert_eq!(next.index, 2);
}

/// Random inputs: no slot too many, no old proof, no two caches, no core in a deal at work.
#[test]
fn invariants_hold_under_random_inputs() {
    let mut seed = 42_u64;
    let mut random = |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for slots in 1..4 {
        let mut bench = Bench::new(slots);
        bench
            .input(Input::Quota(Quota {
                min: Some(2),
                max: Some(4),
            }))
            .unwrap();
        for step in 0..4000_u32 {
            let core = CoreId(random(4) as u32);
            let job = bench
                .prover
                .jobs
                .get(&core)
                .map_or(JobId(0), |(job, _)| *job);
            let mut local = [0; 32];
            local[..4].copy_from_slice(&step.to_le_bytes());
            let input = match random(10) {
                0 => Input::Deal(core, random(2) == 0),
                1 if random(8) == 0 => Input::Active {
                    epoch: epoch(random(3) as u8),
                    allocation: (0..4)
                        .map(|c| (CoreId(c), CuId([random(3) as u8; 32])))
                        .collect(),
                },
                2 if random(20) == 0 => Input::Inactive,
                3..=4 => Input::Report(core, job, Report::CacheReady),
                5 => Input::Report(core, job, Report::Filled { done: 1, of: 2 }),
                6 => Input::Report(core, job, Report::Filled { done: 2, of: 2 }),
                7..=8 => Input::Report(core, job, Report::Found(LocalNonce(local), EASY)),
                _ => Input::Report(core, job, Report::Hashed(5)),
            };
            let _ = bench.input(input);
            let prover = &bench.prover;
            assert!(prover.slots.len() <= slots);
            let tasks: Vec<Task> = prover.jobs.keys().map(|core| prover.task(*core)).collect();
            assert!(
                tasks
                    .iter()
                    .filter(|task| matches!(task, Task::Cache { .. }))
                    .count()
                    <= 1
            );
            for core in &prover.deals {
                assert_eq!(prover.task(*core), Task::Deal);
            }
            for task in tasks {
                let (Task::Hash { slot, .. } | Task::Fill { slot } | Task::Cache { slot, .. }) =
                    task
                else {
                    continue;
                };
                assert!(
                    prover.slots.contains_key(&slot),
                    "{task:?} without its slot"
                );
                if let Task::Hash { epoch, .. } = task {
                    assert_eq!(Some(epoch), prover.proofs.epoch());
                }
            }
            for cu in 0..3 {
                assert!(prover.proofs.count(&CuId([cu; 32])).0 <= 4);
            }
        }
    }
}
