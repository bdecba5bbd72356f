//! The parameters of RandomX: constants, and the two in which networks differ as a type.

use core::fmt;

/// What differs between the networks that use RandomX version 1.
pub trait Params: Copy + Clone + fmt::Debug + Send + Sync + 'static {
    /// The name used in vector files.
    const NAME: &'static str;
    /// Superscalar programs per cache, and cache lines read per dataset item.
    const CACHE_ACCESSES: usize;
    /// Bytes of the part of the dataset that an offset selects in; a power of two.
    const DATASET_BASE: u64;

    /// Items of 64 bytes in the whole dataset.
    const DATASET_ITEMS: usize = ((Self::DATASET_BASE + DATASET_EXTRA) / 64) as usize;
    /// Bytes of the whole dataset.
    const DATASET_BYTES: usize = Self::DATASET_ITEMS * 64;
    /// Mask of the address registers: a line within the base part.
    const DATASET_MASK: u32 = (Self::DATASET_BASE - 1) as u32 & !63;
}

/// Fluence's parameters: twice the cache accesses and twice the dataset of upstream.
#[derive(Clone, Copy, Debug)]
pub struct Fluence;

impl Params for Fluence {
    const NAME: &'static str = "fluence";
    const CACHE_ACCESSES: usize = 16;
    const DATASET_BASE: u64 = 4 << 30;
}

/// The parameters of the RandomX project itself (Monero).
#[derive(Clone, Copy, Debug)]
pub struct Upstream;

impl Params for Upstream {
    const NAME: &'static str = "monero";
    const CACHE_ACCESSES: usize = 8;
    const DATASET_BASE: u64 = 2 << 30;
}

/// Bytes by which the dataset exceeds its base part.
pub const DATASET_EXTRA: u64 = 33_554_368;
/// Number of dataset offsets a program can choose: items in the extra part, and one.
pub const DATASET_OFFSETS: u64 = DATASET_EXTRA / 64 + 1;

/// Argon2 blocks of 1 KiB in the cache.
pub const CACHE_BLOCKS: usize = 262_144;
/// Bytes of the cache.
pub const CACHE_BYTES: usize = CACHE_BLOCKS * 1024;
/// 64-byte lines of the cache.
pub const CACHE_LINES: usize = CACHE_BYTES / 64;
/// Passes of Argon2 over the cache.
pub const ARGON_PASSES: u32 = 3;
/// Salt of Argon2: `RandomX` and the byte 3.
pub const ARGON_SALT: &[u8; 8] = b"RandomX\x03";
/// Longest key, in bytes.
pub const KEY_MAX: usize = 60;

/// Target latency of a superscalar program, in cycles of its model machine.
pub const SUPERSCALAR_LATENCY: usize = 170;
/// Most instructions of a superscalar program.
pub const SUPERSCALAR_MAX: usize = 3 * SUPERSCALAR_LATENCY + 2;

/// Instructions of a program.
pub const PROGRAM_SIZE: usize = 256;
/// Bytes of a program: 16 configuration words, then 8 bytes per instruction.
pub const PROGRAM_BYTES: usize = 128 + 8 * PROGRAM_SIZE;
/// Iterations of a program.
pub const PROGRAM_ITERATIONS: usize = 2048;
/// Programs per hash.
pub const PROGRAM_COUNT: usize = 8;

/// Bytes of the scratchpad.
pub const SCRATCHPAD_BYTES: usize = 2 << 20;
/// Mask of an 8-byte access to the first level, 16 KiB.
pub const MASK_L1: u32 = 0x3FF8;
/// Mask of an 8-byte access to the second level, 256 KiB.
pub const MASK_L2: u32 = 0x3_FFF8;
/// Mask of an 8-byte access to the third level, 2 MiB.
pub const MASK_L3: u32 = 0x1F_FFF8;
/// Mask of a 64-byte access to the third level.
pub const MASK_LINE: u32 = 0x1F_FFC0;

/// Bits looked at by a conditional branch.
pub const JUMP_BITS: u32 = 8;
/// Lowest bit a conditional branch can look at.
pub const JUMP_OFFSET: u32 = 8;
