//! The cache of a key, and the dataset items computed from it.

use super::argon::Filling;
use super::blake::BlakeGenerator;
use super::item::initial_registers;
use super::item_code::ItemCode;
use super::params::{CACHE_BYTES, CACHE_LINES, KEY_MAX, Params};
use super::superscalar::Program;
use crate::memory::{Memory, OutOfMemory, Purpose, Region};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

pub use super::item::Item;

/// Why there is no cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheError {
    /// The key is longer than 60 bytes.
    KeyTooLong(usize),
    /// The caller lent no memory.
    OutOfMemory(OutOfMemory),
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyTooLong(len) => {
                write!(
                    f,
                    "a RandomX key has at most {KEY_MAX} bytes, this one has {len}"
                )
            }
            Self::OutOfMemory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CacheError {}

impl From<OutOfMemory> for CacheError {
    fn from(error: OutOfMemory) -> Self {
        Self::OutOfMemory(error)
    }
}

/// A cache being filled, a few blocks at a time (the whole takes some tenths of a second).
pub struct CacheBuilder<P> {
    memory: Region,
    filling: Filling,
    cache: Programs<P>,
}

/// What a key makes besides the filled memory.
struct Programs<P> {
    programs: Vec<Program>,
    code: Option<ItemCode>,
    params: PhantomData<P>,
}

impl<P: Params> CacheBuilder<P> {
    /// Starts the cache of `key`.
    ///
    /// # Errors
    ///
    /// [`CacheError`] if the key is too long or `memory` lends nothing. Without executable memory
    /// the cache works, slowly.
    pub fn start(memory: &impl Memory, key: &[u8]) -> Result<Self, CacheError> {
        if key.len() > KEY_MAX {
            return Err(CacheError::KeyTooLong(key.len()));
        }
        let mut random = BlakeGenerator::new(key);
        let programs: Vec<_> = (0..P::CACHE_ACCESSES)
            .map(|_| Program::generate(&mut random))
            .collect();
        let code = ItemCode::compile(memory, &programs).ok();
        let mut region = memory.lend(Purpose::Cache, CACHE_BYTES)?;
        let filling = Filling::start(region.words_mut(), key);
        let cache = Programs {
            programs,
            code,
            params: PhantomData,
        };
        Ok(Self {
            memory: region,
            filling,
            cache,
        })
    }

    /// Fills up to `blocks` blocks of 1 KiB (about half a microsecond each); true when complete.
    pub fn step(&mut self, blocks: usize) -> bool {
        self.filling.step(self.memory.words_mut(), blocks)
    }

    /// Blocks filled and blocks to fill.
    pub fn progress(&self) -> (usize, usize) {
        self.filling.progress()
    }

    /// Fills what is left.
    pub fn finish(mut self) -> Cache<P> {
        self.step(usize::MAX);
        let Programs {
            programs,
            code,
            params,
        } = self.cache;
        Cache {
            memory: self.memory,
            programs,
            code,
            params,
        }
    }
}

/// The cache of a key: 256 MiB and the superscalar programs.
pub struct Cache<P> {
    memory: Region,
    programs: Vec<Program>,
    code: Option<ItemCode>,
    params: PhantomData<P>,
}

impl<P: Params> Cache<P> {
    /// Makes the cache of `key` in one go.
    ///
    /// # Errors
    ///
    /// As [`CacheBuilder::start`].
    pub fn new(memory: &impl Memory, key: &[u8]) -> Result<Self, CacheError> {
        Ok(CacheBuilder::start(memory, key)?.finish())
    }

    /// The filled memory.
    pub fn words(&self) -> &[u64] {
        self.memory.words()
    }

    /// The superscalar programs.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The machine code that makes items, if there is executable memory.
    pub(super) fn code(&self) -> Option<&ItemCode> {
        self.code.as_ref()
    }

    /// Computes item `number` as the specification says it (section 7.3): the oracle.
    pub fn item(&self, number: u64) -> Item {
        let (lines, _) = self.words().as_chunks::<8>();
        let mut registers = initial_registers(number);
        let mut selector = number;
        for program in &self.programs {
            let line = &lines[selector as usize % CACHE_LINES];
            program.execute(&mut registers);
            for (register, word) in registers.iter_mut().zip(line) {
                *register ^= word;
            }
            selector = registers[program.address_register];
        }
        registers
    }

    /// Computes the items from `first` on, by machine code where there is any.
    pub fn items(&self, first: u64, out: &mut [Item]) {
        match &self.code {
            Some(code) => code.items(self.words(), first, out),
            None => {
                for (number, item) in (first..).zip(out) {
                    *item = self.item(number);
                }
            }
        }
    }
}

impl<P: Params> fmt::Debug for Cache<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({}, compiled: {})", P::NAME, self.code.is_some())
    }
}
