//! Whether a manifest fits the machine that it is to run on.

use alloc::format;

use crate::{
    limits::MIN_MEMORY,
    model::{Compute, Manifest},
    problem::{Problem, Problems},
};

/// What [`Manifest::check`] must know of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Number of logical cores.
    pub cores: usize,
    /// Memory that an operating system may use, in bytes.
    pub memory: u64,
}

impl Manifest {
    /// Checks what depends on the machine that the manifest is to run on.
    ///
    /// # Errors
    /// Core counts that the machine cannot give, and too little memory.
    pub fn check(&self, machine: &Machine) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let cores = machine.cores;
        let system = usize::from(self.cores.system);
        if system > cores {
            problems.push(Problem::at(
                self.places.system.as_ref(),
                format!("`system` asks for {system} cores, the machine has {cores}"),
                Some("use a machine with more cores".into()),
            ));
        } else if let Compute::Count(count) = self.cores.compute {
            let left = cores - system;
            if usize::from(count) > left {
                problems.push(Problem::at(
                    self.places.compute.as_ref(),
                    format!(
                        "`compute` asks for {count} cores, but of the machine's {cores} only \
                         {left} are left beside {system} for the system"
                    ),
                    Some("lower `compute` or write \"all\"".into()),
                ));
            }
        }
        if machine.memory < MIN_MEMORY {
            problems.push(Problem::at(
                None,
                format!(
                    "the machine has {} MiB of memory, the appliance needs {} MiB",
                    machine.memory >> 20,
                    MIN_MEMORY >> 20
                ),
                None,
            ));
        }
        problems.into_result(())
    }
}
