//! A hardware thread at the prover: what its core's loop calls between two messages.

use core::fmt;
use core::sync::atomic::AtomicBool;
use core::time::Duration;

use basalt_prover::capacity::Report;
use basalt_prover::capacity::msr::Preset;
use basalt_prover::capacity::prover::JobId;
use basalt_prover::capacity::slot::{AnyWorker, Lanes, Outcome, Work};
use basalt_prover::memory::OutOfMemory;
use basalt_prover::randomx::Fluence;

use super::memory::FreeFrames;
use super::registers::Tuning;
use crate::time;

/// How long to wait for memory that other cores are about to give up.
const RETRY: Duration = Duration::from_millis(5);

/// What a core is told to do for the prover.
#[derive(Debug)]
pub struct Duty {
    /// Goes with every report.
    pub job: JobId,
    /// The work.
    pub work: Work<Fluence>,
    /// How many hashes at a time.
    pub lanes: Lanes,
    /// Registers to set meanwhile.
    pub preset: Option<&'static Preset>,
}

/// The state of a compute core between its turns at the prover.
#[derive(Default)]
pub struct Seat {
    machine: Option<AnyWorker<Fluence>>,
    /// A duty whose machine has no memory yet.
    waiting: Option<Duty>,
    job: Option<JobId>,
    tuning: Tuning,
    preset: Option<&'static Preset>,
    /// Whether lacking memory was told since the last duty.
    complained: bool,
    /// Whether what became of the registers was told.
    tuned: bool,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seat({:?})", self.job)
    }
}

impl Seat {
    /// Takes a new duty in place of the old, or none: then its memory goes back.
    pub fn take(&mut self, duty: Option<Duty>) {
        self.complained = false;
        self.waiting = None;
        match duty {
            Some(duty) => {
                self.job = Some(duty.job);
                self.preset = duty.preset;
                self.waiting = Some(duty);
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

    /// Makes the machine of the duty, hands it the work, and sets the registers.
    fn prepare(&mut self) -> Result<(), OutOfMemory> {
        if let Some(duty) = self.waiting.take() {
            if self.machine.is_none() {
                match AnyWorker::new(&FreeFrames, duty.lanes) {
                    Ok(machine) => self.machine = Some(machine),
                    Err(missing) => {
                        self.waiting = Some(duty);
                        return Err(missing);
                    }
                }
            }
            if let Some(machine) = &mut self.machine {
                machine.take(Some(duty.work));
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
