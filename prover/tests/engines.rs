//! The compiled machine does what the interpreter does, whatever the program.

use basalt_prover::memory::Mmap;
use basalt_prover::randomx::dataset::{Dataset, DatasetBuilder};
use basalt_prover::randomx::program::Program;
use basalt_prover::randomx::simd::float::Rounding;
use basalt_prover::randomx::vm::Engine;
use basalt_prover::randomx::{Machine, Params, Source};

/// Parameters with a dataset that a test can afford: 33 MiB.
#[derive(Clone, Copy, Debug)]
struct Small;

impl Params for Small {
    const NAME: &'static str = "small";
    const CACHE_ACCESSES: usize = 1;
    const DATASET_BASE: u64 = 1 << 20;
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn program(&mut self) -> Program {
        let mut program = Program::EMPTY;
        for bytes in program.0.as_chunks_mut().0 {
            *bytes = self.next().to_le_bytes();
        }
        program
    }
}

fn dataset() -> Dataset<Small> {
    let builder = DatasetBuilder::new(&Mmap::default()).expect("memory");
    let mut random = Random(7);
    while builder.step_with(|_, items| items.as_flattened_mut().fill_with(|| random.next())) {}
    builder.finish().expect("a complete dataset")
}

/// Runs programs on two engines that never meet, and compares what they leave.
struct Duel<const LANES: usize> {
    compiled: Machine<LANES>,
    interpreted: [Machine<1>; LANES],
    rounds: u64,
}

impl<const LANES: usize> Duel<LANES> {
    fn new() -> Self {
        let memory = Mmap::default();
        Self {
            compiled: Machine::new(&memory, Engine::Jit).expect("memory"),
            interpreted: core::array::from_fn(|_| {
                Machine::new(&memory, Engine::Interpreter).expect("memory")
            }),
            rounds: 0,
        }
    }

    fn run(&mut self, dataset: &Dataset<Small>, programs: [Program; LANES], iterations: usize) {
        let source = Source::Fast(dataset.view());
        for (number, program) in programs.iter().enumerate() {
            let rounding = Rounding::from_bits(self.rounds + number as u64);
            self.compiled.lanes_mut()[number].load_alone::<Small>(program, rounding);
            let interpreted = &mut self.interpreted[number];
            interpreted.lanes_mut()[0].load_alone::<Small>(program, rounding);
            interpreted.execute(source, iterations);
        }
        self.compiled.execute(source, iterations);
        self.rounds += 1;
        for (number, interpreted) in self.interpreted.iter().enumerate() {
            let (ours, oracle) = (&self.compiled.lanes()[number], &interpreted.lanes()[0]);
            assert_eq!(
                ours.state().registers,
                oracle.state().registers,
                "round {}",
                self.rounds
            );
            assert_eq!(ours.state().rounding, oracle.state().rounding);
            // Scratchpads live on from program to program, so a difference cannot hide for long.
            if self.rounds.is_multiple_of(256) {
                assert!(
                    ours.scratchpad() == oracle.scratchpad(),
                    "round {}",
                    self.rounds
                );
            }
        }
    }

    fn finish(&self) {
        for (lane, oracle) in self.compiled.lanes().iter().zip(&self.interpreted) {
            assert!(lane.scratchpad() == oracle.lanes()[0].scratchpad());
        }
    }
}

#[test]
fn random_programs() {
    let (dataset, mut random, mut duel) = (dataset(), Random(1), Duel::<1>::new());
    for _ in 0..10_000 {
        duel.run(&dataset, [random.program()], 16);
    }
    duel.finish();
}

#[test]
fn random_programs_of_full_length() {
    let (dataset, mut random, mut duel) = (dataset(), Random(2), Duel::<1>::new());
    for _ in 0..8 {
        duel.run(&dataset, [random.program()], 2048);
    }
    duel.finish();
}

#[test]
fn random_programs_in_lanes() {
    let dataset = dataset();
    let (mut random, mut two, mut three) = (Random(3), Duel::<2>::new(), Duel::<3>::new());
    for _ in 0..1000 {
        two.run(&dataset, core::array::from_fn(|_| random.program()), 16);
        three.run(&dataset, core::array::from_fn(|_| random.program()), 16);
    }
    two.finish();
    three.finish();
}

/// Every opcode with every target, source and mode, among random instructions.
#[test]
fn every_opcode_in_every_form() {
    let (dataset, mut random, mut duel) = (dataset(), Random(4), Duel::<1>::new());
    for opcode in 0..=255_u8 {
        let mut forms = (0..=255_u8).flat_map(|mode| (0..64_u8).map(move |regs| (mode, regs)));
        loop {
            let mut program = random.program();
            let instructions: &mut [[u8; 8]] = program.0[128..].as_chunks_mut().0;
            let mut left = false;
            for bytes in instructions.iter_mut().skip(1).step_by(2) {
                let Some((mode, registers)) = forms.next() else {
                    break;
                };
                bytes[..4].copy_from_slice(&[opcode, registers & 7, registers >> 3, mode]);
                left = true;
            }
            if !left {
                break;
            }
            duel.run(&dataset, [program], 2);
        }
    }
    duel.finish();
}
