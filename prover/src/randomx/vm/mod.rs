//! The virtual machine that turns an input into a hash.

use super::aes;
use super::blake::{blake2b_256, blake2b_512};
use super::cache::Cache;
use super::dataset::DatasetView;
use super::jit::ProgramCode;
use super::params::{PROGRAM_COUNT, Params, SCRATCHPAD_BYTES};
use super::program::{Configuration, Program, Registers};
use super::simd::float::Rounding;
use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use core::fmt;

mod interpreter;

/// A RandomX hash.
pub type Hash = [u8; 32];

/// Where a machine takes dataset items from.
pub enum Source<'a, P> {
    /// Computes each from the cache: slow, 256 MiB.
    Light(&'a Cache<P>),
    /// Reads them from memory: fast, gibibytes.
    Fast(DatasetView<'a, P>),
}

impl<P> Clone for Source<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Source<'_, P> {}

impl<P: Params> Source<'_, P> {
    fn item(self, number: u64) -> [u64; 8] {
        match self {
            Self::Light(cache) => cache.item(number),
            Self::Fast(dataset) => *dataset.item(number as usize),
        }
    }
}

/// How a machine runs programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One instruction after the other, in plain code.
    Interpreter,
    /// As x86-64 machine code.
    Jit,
}

/// A machine: a scratchpad and a register file. One per hardware thread; the key is whatever
/// [`Source`] each call gets.
pub struct Vm {
    scratchpad: Region,
    code: Option<ProgramCode>,
    /// State of the generator that will fill the scratchpad, or whose output the programs are.
    seed: [u8; 64],
    program: Program,
    state: State,
    filled: bool,
}

/// What a program starts from and what it leaves.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The register file.
    pub registers: Registers,
    /// The program's configuration.
    pub configuration: Configuration,
    /// The rounding mode, which outlives programs.
    pub rounding: Rounding,
}

impl Vm {
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
        Ok(Self {
            scratchpad: memory.lend(Purpose::Scratchpad, SCRATCHPAD_BYTES)?,
            code,
            seed: [0; 64],
            program: Program::EMPTY,
            state: State::default(),
            filled: false,
        })
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

    /// Hashes `input`.
    pub fn hash<P: Params>(&mut self, source: Source<'_, P>, input: &[u8]) -> Hash {
        self.begin(input);
        self.finish(source, None)
    }

    /// Prepares the hash of `input`, to be finished by [`finish`](Self::finish).
    pub fn begin(&mut self, input: &[u8]) {
        self.seed = blake2b_512(&[input]);
        aes::fill_1r(&mut self.seed, pad_states(&mut self.scratchpad));
        self.filled = true;
    }

    /// Whether a hash is prepared.
    pub fn has_begun(&self) -> bool {
        self.filled
    }

    /// Completes the prepared hash, and prepares that of `next` in the same pass over the
    /// scratchpad if there is one.
    ///
    /// # Panics
    ///
    /// If no hash is prepared.
    pub fn finish<P: Params>(&mut self, source: Source<'_, P>, next: Option<&[u8]>) -> Hash {
        assert!(self.filled, "no hash was begun");
        self.state.rounding = Rounding::Nearest;
        for i in 0..PROGRAM_COUNT {
            self.run_program(source);
            if i + 1 < PROGRAM_COUNT {
                self.reseed();
            }
        }
        let fingerprint = match next {
            Some(input) => {
                self.seed = blake2b_512(&[input]);
                aes::hash_and_fill_1r(&mut self.seed, pad_states(&mut self.scratchpad))
            }
            None => aes::hash_1r(self.scratchpad.bytes().as_chunks().0),
        };
        self.filled = next.is_some();
        let mut bytes = self.state.registers.to_bytes();
        bytes[192..].copy_from_slice(&fingerprint);
        blake2b_256(&bytes)
    }

    /// One of the eight steps of [`finish`](Self::finish): generates a program from the seed and
    /// runs it.
    pub fn run_program<P: Params>(&mut self, source: Source<'_, P>) {
        let mut generator = self.seed;
        aes::fill_4r(&mut generator, self.program.states_mut());
        self.state.configuration = self.program.configuration::<P>();
        self.execute(source);
    }

    /// What happens between two programs: the register file becomes the next one's seed.
    pub fn reseed(&mut self) {
        self.seed = blake2b_512(&[&self.state.registers.to_bytes()]);
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

    /// Runs `program` on `pad` in mode `rounding`, apart from any hash: for comparing engines.
    pub fn run_alone<P: Params>(
        &mut self,
        source: Source<'_, P>,
        program: &Program,
        pad: &[u8],
        rounding: Rounding,
    ) -> &State {
        self.filled = false;
        self.scratchpad.bytes_mut().copy_from_slice(pad);
        self.program = *program;
        self.state.rounding = rounding;
        self.state.configuration = program.configuration::<P>();
        self.execute(source);
        &self.state
    }

    /// Runs the loaded program on the loaded state.
    fn execute<P: Params>(&mut self, source: Source<'_, P>) {
        let Self {
            scratchpad,
            code,
            program,
            state,
            ..
        } = self;
        match code {
            Some(code) if ProgramCode::can_run(source) => {
                code.run(program, source, scratchpad, state);
            }
            _ => interpreter::run(program, source, scratchpad.words_mut(), state),
        }
    }
}

fn pad_states(pad: &mut Region) -> &mut [[u8; 64]] {
    pad.bytes_mut().as_chunks_mut().0
}

impl fmt::Debug for Vm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vm({:?})", self.engine())
    }
}
