//! A hardware thread that proves: what its core's loop calls between two messages.

use core::fmt;
use core::sync::atomic::AtomicBool;
use core::time::Duration;

use basalt_prover::capacity::Report;
use basalt_prover::capacity::msr::Preset;
use basalt_prover::capacity::prover::JobId;
use basalt_prover::capacity::slot::{AnyWorker, Outcome};
use basalt_prover::memory::OutOfMemory;
use basalt_prover::randomx::Fluence;

use super::assignment::Assignment;
use super::memory::FreeFrames;
use super::registers::Tuning;
use crate::time;

/// How long to wait for memory that other cores are about to give up.
const RETRY: Duration = Duration::from_millis(5);

/// What a compute core keeps while it does something else than proving.
#[derive(Default)]
pub struct ProverThread {
    machine: Option<AnyWorker<Fluence>>,
    /// An assignment whose machine has no memory yet.
    waiting: Option<Assignment>,
    job: Option<JobId>,
    tuning: Tuning,
    preset: Option<&'static Preset>,
    /// Whether lacking memory was told since the last assignment.
    complained: bool,
    /// Whether what became of the registers was told.
    tuned: bool,
}

impl fmt::Debug for ProverThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProverThread({:?})", self.job)
    }
}

impl ProverThread {
    /// Takes a new assignment in place of the old, or none: then its memory goes back.
    pub fn take(&mut self, assignment: Option<Assignment>) {
        self.complained = false;
        self.waiting = None;
        match assignment {
            Some(assignment) => {
                self.job = Some(assignment.job);
                self.preset = assignment.preset;
                self.waiting = Some(assignment);
            }
            None => {
                self.leave();
                self.machine = None;
                self.job = None;
            }
        }
    }

    /// Whether there is something to do.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.job.is_some()
    }

    /// Puts the core's registers back, before it does anything else.
    pub fn leave(&mut self) {
        self.tuning.restore();
    }

    /// Works until `stop` is set or nothing is left to do.
    pub fn run(&mut self, stop: &AtomicBool, mut report: impl FnMut(JobId, Report)) {
        let Some(job) = self.job else { return };
        let outcome = match self.prepare() {
            Err(missing) => Outcome::OutOfMemory(missing),
            Ok(()) => match &mut self.machine {
                Some(machine) => machine.run(&FreeFrames, stop, |what| report(job, what)),
                None => Outcome::Finished,
            },
        };
        match outcome {
            Outcome::Stopped => {}
            Outcome::Finished => self.job = None,
            Outcome::OutOfMemory(missing) => {
                if !core::mem::replace(&mut self.complained, true) {
                    log::warn!(target: "prover", "waiting: {missing}");
                }
                time::spin(RETRY);
            }
        }
    }

    /// Makes the machine that the assignment needs, hands it the work, and sets the registers.
    fn prepare(&mut self) -> Result<(), OutOfMemory> {
        if let Some(assignment) = self.waiting.take() {
            if self.machine.is_none() {
                match AnyWorker::new(&FreeFrames, assignment.lanes) {
                    Ok(machine) => self.machine = Some(machine),
                    Err(missing) => {
                        self.waiting = Some(assignment);
                        return Err(missing);
                    }
                }
            }
            if let Some(machine) = &mut self.machine {
                machine.take(Some(assignment.work));
            }
        }
        if let (Some(preset), false) = (self.preset, self.tuning.is_set()) {
            let outcome = self.tuning.set(preset);
            if !core::mem::replace(&mut self.tuned, true) {
                log::info!(
                    target: "prover", "registers of {}: {} set, {} ignored, {} refused",
                    preset.name, outcome.taken, outcome.ignored, outcome.refused,
                );
            }
        }
        Ok(())
    }
}
