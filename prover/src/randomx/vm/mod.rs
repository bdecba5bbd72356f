//! The virtual machine that turns an input into a hash.

use super::aes;
use super::blake::{blake2b_256, blake2b_512};
use super::jit::{Job, ProgramCode};
use super::params::{PROGRAM_COUNT, PROGRAM_ITERATIONS, Params, SCRATCHPAD_BYTES};
use super::program::Program;
use super::simd::float::Rounding;
use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use core::fmt;

mod interpreter;

pub use super::state::{Source, State};

/// A RandomX hash.
pub type Hash = [u8; 32];

/// How a machine runs programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One instruction after the other, in plain code.
    Interpreter,
    /// As x86-64 machine code.
    Jit,
}

/// A machine that makes `LANES` hashes at a time on one hardware thread. The key is whatever
/// [`Source`] each call gets.
///
/// More lanes hide the latency of the dataset and need 2 MiB of last-level cache each: two are best
/// where a core runs one thread, one where its threads fill the cache already.
pub struct Machine<const LANES: usize> {
    lanes: [Lane; LANES],
    code: Option<ProgramCode<LANES>>,
}

/// A machine that makes one hash at a time.
pub type Vm = Machine<1>;
/// A machine that makes two hashes at a time.
pub type Pair = Machine<2>;

/// One hash in the making: what a step of it needs, open for looking inside.
pub struct Lane {
    scratchpad: Region,
    /// State of the generator that will fill the scratchpad, or whose output the programs are.
    seed: [u8; 64],
    program: Program,
    state: State,
    begun: bool,
}

impl<const LANES: usize> Machine<LANES> {
    /// A machine of the wanted kind.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` lends no scratchpad, or no executable memory for a
    /// [`Engine::Jit`].
    pub fn new(memory: &impl Memory, engine: Engine) -> Result<Self, OutOfMemory> {
        let code = match engine {
            Engine::Interpreter => None,
            Engine::Jit => Some(ProgramCode::new(memory)?),
        };
        // One region per lane; the first that is not lent ends it.
        let mut missing = None;
        let lanes = core::array::from_fn(|_| {
            let lent = memory.lend(Purpose::Scratchpad, SCRATCHPAD_BYTES);
            lent.map_err(|error| missing = Some(error))
                .ok()
                .map(Lane::new)
        });
        match missing {
            Some(error) => Err(error),
            None => Ok(Self {
                lanes: lanes.map(|lane| lane.expect("none is missing")),
                code,
            }),
        }
    }

    /// A compiling machine where executable memory exists, else an interpreting one.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` lends no scratchpad.
    pub fn best(memory: &impl Memory) -> Result<Self, OutOfMemory> {
        Self::new(memory, Engine::Jit).or_else(|_| Self::new(memory, Engine::Interpreter))
    }

    /// How it runs programs.
    pub fn engine(&self) -> Engine {
        if self.code.is_some() {
            Engine::Jit
        } else {
            Engine::Interpreter
        }
    }

    /// Prepares the hashes of `inputs`, to be finished by [`finish`](Self::finish).
    pub fn begin(&mut self, inputs: [&[u8]; LANES]) {
        for (lane, input) in self.lanes.iter_mut().zip(inputs) {
            lane.begin(input);
        }
    }

    /// Whether hashes are prepared.
    pub fn has_begun(&self) -> bool {
        self.lanes.iter().all(|lane| lane.begun)
    }

    /// Completes the prepared hashes, and prepares those of `next` in the same pass over the
    /// scratchpads if there are any.
    ///
    /// # Panics
    ///
    /// If no hash is prepared.
    pub fn finish<P: Params>(
        &mut self,
        source: Source<'_, P>,
        next: Option<[&[u8]; LANES]>,
    ) -> [Hash; LANES] {
        assert!(self.has_begun(), "no hash was begun");
        for lane in &mut self.lanes {
            lane.state.rounding = Rounding::Nearest;
        }
        for i in 0..PROGRAM_COUNT {
            if i > 0 {
                self.lanes.iter_mut().for_each(Lane::reseed);
            }
            self.run_programs(source);
        }
        let mut number = 0;
        self.lanes.each_mut().map(|lane| {
            let input = next.map(|inputs| inputs[number]);
            number += 1;
            lane.finish(input)
        })
    }

    /// One of the eight steps of [`finish`](Self::finish): generates a program from each seed and
    /// runs it.
    pub fn run_programs<P: Params>(&mut self, source: Source<'_, P>) {
        self.lanes.iter_mut().for_each(Lane::load::<P>);
        self.execute(source, PROGRAM_ITERATIONS);
    }

    /// The hashes in the making.
    pub fn lanes(&self) -> &[Lane; LANES] {
        &self.lanes
    }

    /// The hashes in the making, for stepping through them.
    pub fn lanes_mut(&mut self) -> &mut [Lane; LANES] {
        &mut self.lanes
    }

    /// Runs the loaded programs on the loaded states for `iterations` iterations (a hash always
    /// takes [`PROGRAM_ITERATIONS`]).
    ///
    /// # Panics
    ///
    /// If there are no iterations.
    pub fn execute<P: Params>(&mut self, source: Source<'_, P>, iterations: usize) {
        assert!(iterations > 0, "a program runs at least once");
        match &mut self.code {
            Some(code) if ProgramCode::<LANES>::can_run(source) => {
                code.run(source, iterations, self.lanes.each_mut().map(Lane::job));
            }
            _ => {
                for Lane {
                    scratchpad,
                    program,
                    state,
                    ..
                } in &mut self.lanes
                {
                    let pad = scratchpad.words_mut();
                    interpreter::run(program, source, iterations, pad, state);
                }
            }
        }
    }
}

impl Vm {
    /// Hashes `input`.
    pub fn hash<P: Params>(&mut self, source: Source<'_, P>, input: &[u8]) -> Hash {
        self.begin([input]);
        let [hash] = self.finish(source, None);
        hash
    }
}

impl Lane {
    fn new(scratchpad: Region) -> Self {
        let (seed, program, state) = ([0; 64], Program::EMPTY, State::default());
        Self {
            scratchpad,
            seed,
            program,
            state,
            begun: false,
        }
    }

    fn begin(&mut self, input: &[u8]) {
        self.seed = blake2b_512(&[input]);
        aes::fill_1r(&mut self.seed, pad_states(&mut self.scratchpad));
        self.begun = true;
    }

    /// Generates the next program from the seed.
    fn load<P: Params>(&mut self) {
        let mut generator = self.seed;
        aes::fill_4r(&mut generator, self.program.states_mut());
        self.state.configuration = self.program.configuration::<P>();
    }

    /// What happens between two programs: the register file becomes the next one's seed.
    pub fn reseed(&mut self) {
        self.seed = blake2b_512(&[&self.state.registers.to_bytes()]);
    }

    fn finish(&mut self, next: Option<&[u8]>) -> Hash {
        let fingerprint = match next {
            Some(input) => {
                self.seed = blake2b_512(&[input]);
                aes::hash_and_fill_1r(&mut self.seed, pad_states(&mut self.scratchpad))
            }
            None => aes::hash_1r(self.scratchpad.bytes().as_chunks().0),
        };
        self.begun = next.is_some();
        let mut bytes = self.state.registers.to_bytes();
        bytes[192..].copy_from_slice(&fingerprint);
        blake2b_256(&bytes)
    }

    /// Loads `program` and a rounding mode, apart from any hash: for comparing engines.
    pub fn load_alone<P: Params>(&mut self, program: &Program, rounding: Rounding) {
        self.begun = false;
        self.program = *program;
        self.state.rounding = rounding;
        self.state.configuration = program.configuration::<P>();
    }

    /// The generator state that the next program comes from.
    pub fn seed(&self) -> &[u8; 64] {
        &self.seed
    }

    /// The last program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What the last program left.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The scratchpad.
    pub fn scratchpad(&self) -> &[u8] {
        self.scratchpad.bytes()
    }

    fn job(&mut self) -> Job<'_> {
        let Self {
            scratchpad,
            program,
            state,
            ..
        } = self;
        Job {
            program,
            scratchpad,
            state,
        }
    }
}

fn pad_states(pad: &mut Region) -> &mut [[u8; 64]] {
    pad.bytes_mut().as_chunks_mut().0
}

impl<const LANES: usize> fmt::Debug for Machine<LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({LANES} lanes, {:?})", self.engine())
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane(begun: {})", self.begun)
    }
}
