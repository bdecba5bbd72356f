//! The cache's content: the memory that Argon2d fills, without Argon2's final hash (RFC 9106 with
//! tag length 0, one lane, three passes).
//!
//! A fill takes some tenths of a second and is serial by design, so it is a state machine that
//! fills some blocks per step: the caller can turn to something else in between.

use super::blake::blake2b_512;
use super::params::{ARGON_PASSES, ARGON_SALT, CACHE_BLOCKS};
use super::simd;

pub use super::simd::{BLOCK_WORDS, Block};

const SEGMENT: usize = CACHE_BLOCKS / 4;

/// A fill under way. It holds no memory: every step gets the same blocks.
#[derive(Clone, Debug)]
pub struct Filling {
    pass: u32,
    index: usize,
}

impl Filling {
    /// Starts a fill from `key` by writing the first two of the cache's blocks.
    ///
    /// # Panics
    ///
    /// If `memory` has fewer than [`CACHE_BLOCKS`] blocks.
    pub fn start(memory: &mut [u64], key: &[u8]) -> Self {
        let le = |n: usize| (n as u32).to_le_bytes();
        let seed = blake2b_512(&[
            &le(1), // lanes
            &le(0), // tag length
            &le(CACHE_BLOCKS),
            &ARGON_PASSES.to_le_bytes(),
            &le(0x13), // version
            &le(0),    // Argon2d
            &le(key.len()),
            key,
            &le(ARGON_SALT.len()),
            ARGON_SALT,
            &le(0), // no secret
            &le(0), // no associated data
        ]);
        let (blocks, _) = memory.as_chunks_mut::<BLOCK_WORDS>();
        for (i, block) in blocks[..2].iter_mut().enumerate() {
            expand(block, &[&le(BLOCK_WORDS * 8), &seed, &le(i), &le(0)]);
        }
        Self { pass: 0, index: 2 }
    }

    /// Fills up to `count` blocks; true when the memory is complete.
    ///
    /// # Panics
    ///
    /// If `memory` has fewer than [`CACHE_BLOCKS`] blocks.
    pub fn step(&mut self, memory: &mut [u64], count: usize) -> bool {
        let (blocks, _) = memory.as_chunks_mut::<BLOCK_WORDS>();
        let blocks = &mut blocks[..CACHE_BLOCKS];
        for _ in 0..count {
            if self.pass == ARGON_PASSES {
                break;
            }
            let i = self.index;
            let previous = (i + CACHE_BLOCKS - 1) % CACHE_BLOCKS;
            let reference = self.reference(blocks[previous][0] as u32);
            simd::argon_block(blocks, i, previous, reference, self.pass > 0);
            self.index += 1;
            if self.index == CACHE_BLOCKS {
                self.index = 0;
                self.pass += 1;
            }
        }
        self.pass == ARGON_PASSES
    }

    /// Blocks filled so far and blocks to fill in all, over all passes.
    pub fn progress(&self) -> (usize, usize) {
        let all = ARGON_PASSES as usize * CACHE_BLOCKS;
        (self.pass as usize * CACHE_BLOCKS + self.index, all)
    }

    /// The earlier block to mix in: a place in the reference area that favours recent blocks (RFC
    /// 9106 section 3.4.2).
    fn reference(&self, j1: u32) -> usize {
        let (area, start) = if self.pass == 0 {
            (self.index - 1, 0)
        } else {
            let area = CACHE_BLOCKS - SEGMENT + self.index % SEGMENT - 1;
            (area, (self.index / SEGMENT + 1) % 4 * SEGMENT)
        };
        let x = (u64::from(j1) * u64::from(j1)) >> 32;
        let y = (area as u64 * x) >> 32;
        (start + area - 1 - y as usize) % CACHE_BLOCKS
    }
}

/// Argon2's long hash H' to the 1024 bytes of a block.
fn expand(block: &mut Block, parts: &[&[u8]]) {
    let mut hash = blake2b_512(parts);
    let (halves, _) = block.as_chunks_mut::<4>();
    let last = halves.len() - 2;
    for (i, half) in halves.iter_mut().enumerate() {
        if i > 0 && i <= last {
            hash = blake2b_512(&[&hash]);
        }
        let bytes = &hash[if i > last { 32 } else { 0 }..];
        let (words, _) = bytes.as_chunks::<8>();
        *half = core::array::from_fn(|j| u64::from_le_bytes(words[j]));
    }
}
