//! What a compute core is given to prove, and the core as the prover's manager sees it.

use basalt_prover::capacity::msr::Preset;
use basalt_prover::capacity::prover::JobId;
use basalt_prover::capacity::slot::{Lanes, Work};
use basalt_prover::randomx::Fluence;

/// What a core is told to do for the prover.
#[derive(Debug)]
pub struct Assignment {
    /// Goes with every report.
    pub job: JobId,
    /// The work.
    pub work: Work<Fluence>,
    /// How many hashes at a time.
    pub lanes: Lanes,
    /// Registers to set meanwhile.
    pub preset: Option<&'static Preset>,
}

/// A compute core that takes assignments. The queues to it belong to the system, above this module.
pub trait ComputeCore {
    /// Identifier of the core's local APIC.
    fn apic_id(&self) -> u32;

    /// Gives the core something to prove, or nothing, in place of what it had.
    fn assign_proving(&mut self, assignment: Option<Assignment>);
}
