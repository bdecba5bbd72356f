//! Where randomness comes from, collected into one seed.

use core::arch::asm;
use core::fmt;

use crate::cpu::features::Features;
use crate::time;

const SEED_CONTEXT: &str = "basalt 2026 kernel entropy pool";

/// Tries of a processor's generator before it is given up, as Intel recommends.
const RETRIES: u32 = 10;
/// Timing samples of the jitter source.
const JITTER_SAMPLES: u32 = 512;

/// Which sources gave something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The firmware's random number protocol.
    pub firmware: bool,
    /// The processor's RDSEED.
    pub rdseed: bool,
    /// The processor's RDRAND.
    pub rdrand: bool,
    /// Timing jitter; always there, too weak to stand alone.
    pub jitter: bool,
}

impl Given {
    /// Whether any source gave full entropy.
    #[must_use]
    pub const fn is_strong(&self) -> bool {
        self.firmware || self.rdseed || self.rdrand
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.firmware, "firmware"),
            (self.rdseed, "rdseed"),
            (self.rdrand, "rdrand"),
            (self.jitter, "jitter"),
        ];
        let mut separator = "";
        for (_, name) in names.iter().filter(|(given, _)| *given) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Entropy on its way to a seed.
pub struct Pool {
    hasher: blake3::Hasher,
    given: Given,
}

impl Pool {
    /// Asks the processor and its timing.
    #[must_use]
    pub fn collect(features: &Features) -> Self {
        let mut pool = Self {
            hasher: blake3::Hasher::new_derive_key(SEED_CONTEXT),
            given: Given::default(),
        };
        for _ in 0..8 {
            if let Some(word) = features.rdseed.then(rdseed).flatten() {
                pool.given.rdseed = true;
                pool.hasher.update(&word.to_le_bytes());
            }
            if let Some(word) = features.rdrand.then(rdrand).flatten() {
                pool.given.rdrand = true;
                pool.hasher.update(&word.to_le_bytes());
            }
        }
        pool.add_jitter();
        pool
    }

    /// Adds what the firmware's generator gave.
    pub fn add_firmware(&mut self, bytes: &[u8]) {
        self.given.firmware = true;
        self.hasher.update(bytes);
    }

    /// How long the same work takes each time differs in the low bits.
    fn add_jitter(&mut self) {
        let mut before = time::ticks();
        for _ in 0..JITTER_SAMPLES {
            self.hasher.update(&before.to_le_bytes());
            let after = time::ticks();
            self.hasher.update(&(after - before).to_le_bytes()[..2]);
            before = after;
        }
        self.given.jitter = true;
    }

    /// What gave something so far.
    #[must_use]
    pub const fn given(&self) -> Given {
        self.given
    }

    /// The seed.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

fn rdseed() -> Option<u64> {
    for _ in 0..RETRIES {
        let (word, ok): (u64, u8);
        // SAFETY: the caller checked that the processor has the instruction.
        unsafe {
            asm!("rdseed {}", "setc {}", out(reg) word, out(reg_byte) ok, options(nomem, nostack))
        };
        if ok != 0 {
            return Some(word);
        }
        core::hint::spin_loop();
    }
    None
}

fn rdrand() -> Option<u64> {
    for _ in 0..RETRIES {
        let (word, ok): (u64, u8);
        // SAFETY: the caller checked that the processor has the instruction.
        unsafe {
            asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) ok, options(nomem, nostack))
        };
        // Some processors answer all ones for ever when the generator has failed.
        if ok != 0 && word != u64::MAX {
            return Some(word);
        }
        core::hint::spin_loop();
    }
    None
}
