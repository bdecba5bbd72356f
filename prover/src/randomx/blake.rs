//! Blake2b in the two lengths RandomX uses, and the generator of random bytes built on it.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Blake2b512, Digest};

/// Blake2b-512 of the concatenation of `parts`.
pub fn blake2b_512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hash = Blake2b512::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Blake2b-256 of `data`.
pub fn blake2b_256(data: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(data).into()
}

/// `BlakeGenerator`: a stream of bytes from a seed, by hashing a 64-byte buffer again and again.
#[derive(Clone, Debug)]
pub struct BlakeGenerator {
    buffer: [u8; 64],
    position: usize,
}

impl BlakeGenerator {
    /// Starts from the first 60 bytes of `seed`, zero-padded.
    pub fn new(seed: &[u8]) -> Self {
        let mut buffer = [0; 64];
        let len = seed.len().min(60);
        buffer[..len].copy_from_slice(&seed[..len]);
        Self {
            buffer,
            position: 64,
        }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    /// The next four bytes as a little-endian number; fewer left in the buffer are skipped.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        if self.position + N > self.buffer.len() {
            self.buffer = blake2b_512(&[&self.buffer]);
            self.position = 0;
        }
        let taken = core::array::from_fn(|i| self.buffer[self.position + i]);
        self.position += N;
        taken
    }
}
