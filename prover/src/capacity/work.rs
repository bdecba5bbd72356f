//! What a hardware thread does for a compute unit until it is told otherwise.

use super::{Difficulty, LocalNonce, ResultHash};
use crate::memory::{Memory, OutOfMemory};
use crate::randomx::vm::Hash;
use crate::randomx::{Machine, Params, Source};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

/// A machine walking through nonces. The flag is looked at between hashes, so a core changes over
/// within the time of one (of `LANES`, which run side by side).
pub struct ProverLoop<const LANES: usize> {
    machine: Machine<LANES>,
    difficulty: Difficulty,
    /// The nonces whose hashes are begun, and the next one.
    current: [LocalNonce; LANES],
    next: LocalNonce,
    primed: bool,
}

impl<const LANES: usize> ProverLoop<LANES> {
    /// A loop without a job.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if `memory` lends no scratchpad.
    pub fn new(memory: &impl Memory) -> Result<Self, OutOfMemory> {
        let none = LocalNonce([0; 32]);
        Ok(Self {
            machine: Machine::best(memory)?,
            difficulty: Difficulty([0; 32]),
            current: [none; LANES],
            next: none,
            primed: false,
        })
    }

    /// Takes a new job. `start` must be fresh random bytes, for every job of every thread its own,
    /// so that no work is done twice; what was begun before is dropped.
    pub fn assign(&mut self, difficulty: Difficulty, start: LocalNonce) {
        self.difficulty = difficulty;
        self.next = start;
        self.primed = false;
    }

    /// Hashes until `stop` is set or at least `budget` hashes are done; returns how many were.
    /// Calls `found` for those that are proofs. All calls for one job must pass the source of its
    /// key.
    pub fn run<P: Params>(
        &mut self,
        source: Source<'_, P>,
        budget: u64,
        stop: &AtomicBool,
        mut found: impl FnMut(LocalNonce, ResultHash),
    ) -> u64 {
        if !self.primed {
            self.current = self.draw();
            self.machine
                .begin(self.current.each_ref().map(|nonce| nonce.0.as_slice()));
            self.primed = true;
        }
        let mut done = 0;
        while done < budget && !stop.load(Ordering::Relaxed) {
            let next = self.draw();
            let inputs = next.each_ref().map(|nonce| nonce.0.as_slice());
            let hashes: [Hash; LANES] = self.machine.finish(source, Some(inputs));
            for (nonce, hash) in self.current.into_iter().zip(hashes.map(ResultHash)) {
                if self.difficulty.is_met_by(&hash) {
                    found(nonce, hash);
                }
            }
            self.current = next;
            done += LANES as u64;
        }
        done
    }

    fn draw(&mut self) -> [LocalNonce; LANES] {
        core::array::from_fn(|_| {
            let nonce = self.next;
            self.next = nonce.next();
            nonce
        })
    }
}

impl<const LANES: usize> fmt::Debug for ProverLoop<LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProverLoop({LANES} lanes, next {})", self.next)
    }
}
