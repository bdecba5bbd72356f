//! The switches of the processor's prefetchers, set while a core proves and put back before it does
//! anything else.

use basalt_manifest::Registers as Wanted;
use basalt_prover::capacity::msr::{self, Preset};
use basalt_prover::randomx::simd::cpu::Model;
use heapless::Vec;

use crate::cpu::msr::{self as register, Fault};

/// Most registers that a preset has.
const MAX: usize = 8;

/// What this core's registers held before it began to prove.
#[derive(Debug, Default)]
pub struct Tuning {
    before: Vec<(u32, u64), MAX>,
}

/// What became of setting a core's registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Registers that hold what was written.
    pub taken: usize,
    /// Registers that hold something else: a hypervisor ignores such writes.
    pub ignored: usize,
    /// Registers that do not exist here.
    pub refused: usize,
}

/// The settings for this machine, if they are wanted and its model is known.
#[must_use]
pub fn preset(wanted: Wanted) -> Option<&'static Preset> {
    let model = Model::get();
    match wanted {
        Wanted::Off => None,
        Wanted::Auto if model.virtualised => None,
        Wanted::Auto | Wanted::On => msr::preset(&model),
    }
}

impl Tuning {
    /// Whether anything is to be put back.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.before.is_empty()
    }

    /// Sets this core's registers; those that fault or do not keep their value stay as they are.
    pub fn set(&mut self, preset: &Preset) -> Outcome {
        let mut outcome = Outcome::default();
        for setting in preset.settings.iter().take(MAX) {
            let number = setting.register;
            let written = register::read(number).and_then(|before| {
                let wanted = setting.apply(before);
                // SAFETY: the value is the vendor's own for this model's prefetchers, which change
                // nothing but timing.
                unsafe { register::write(number, wanted) }?;
                Ok((before, register::read(number)? == wanted))
            });
            match written {
                Ok((before, true)) => {
                    // There is room: no more settings are taken than fit.
                    let _ = self.before.push((number, before));
                    outcome.taken += 1;
                }
                Ok((before, false)) => {
                    // SAFETY: what the register held.
                    let _: Result<(), Fault> = unsafe { register::write(number, before) };
                    outcome.ignored += 1;
                }
                Err(Fault) => outcome.refused += 1,
            }
        }
        outcome
    }

    /// Puts back what was there before, in reverse order.
    pub fn restore(&mut self) {
        while let Some((number, before)) = self.before.pop() {
            // SAFETY: what the register held, and it took a value before.
            let _: Result<(), Fault> = unsafe { register::write(number, before) };
        }
    }
}
