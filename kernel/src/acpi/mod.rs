//! ACPI tables, as far as a machine without AML needs them. Pure, bounded, fuzzed.
//!
//! Layers: [`Memory`] is the physical memory the tables lie in; [`table`] finds and checks tables;
//! [`madt`], [`fadt`], [`mcfg`], [`hpet`] read one each; [`Platform`] joins what the kernel needs.
//! Everything in a table is firmware's word and may be wrong: lengths and sums are checked, counts
//! are limited, a bad table is left out.
//!
//! Source: ACPI specification 6.5, chapters 5.2 and 5.2.5 to 5.2.12; PCI firmware specification
//! 3.3, section 4.1.2; IA-PC HPET specification 1.0a, section 3.2.4.

mod error;
pub mod fadt;
pub mod hpet;
pub mod madt;
pub mod mcfg;
mod memory;
pub mod table;

#[cfg(test)]
mod tests;

pub use self::error::Error;
pub use self::fadt::{PmTimer, ResetRegister};
pub use self::mcfg::EcamRegion;
pub use self::memory::Memory;
use self::table::Root;

/// Most processors taken from the MADT. Bounds the per-core memory a table can make the kernel
/// take.
pub const MAX_CORES: usize = 256;
/// Most PCI configuration regions taken from the MCFG.
pub const MAX_ECAM_REGIONS: usize = 8;

/// What the kernel wants to know of the machine.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// APIC identifiers of the usable processors.
    pub cores: heapless::Vec<u32, MAX_CORES>,
    /// PCI configuration space.
    pub ecam: heapless::Vec<EcamRegion, MAX_ECAM_REGIONS>,
    /// The power-management timer.
    pub pm_timer: Option<PmTimer>,
    /// How to reset the machine.
    pub reset: Option<ResetRegister>,
    /// Physical address of the HPET's registers.
    pub hpet: Option<u64>,
}

impl Platform {
    /// Reads the tables that hang off the root pointer at `rsdp`.
    ///
    /// # Errors
    /// [`Error`] if the way to the tables or the list of processors is damaged; any other table
    /// that is missing or damaged only leaves its field empty.
    pub fn read(memory: &impl Memory, rsdp: u64) -> Result<Self, Error> {
        let mut platform = Self::default();
        for table in Root::find(memory, rsdp)?.tables() {
            match &table.signature() {
                b"APIC" if platform.cores.is_empty() => {
                    for core in madt::usable_cores(table) {
                        if !platform.cores.contains(&core) && platform.cores.push(core).is_err() {
                            break;
                        }
                    }
                }
                b"MCFG" if platform.ecam.is_empty() => {
                    for region in mcfg::regions(table) {
                        if platform.ecam.push(region).is_err() {
                            break;
                        }
                    }
                }
                b"FACP" => {
                    platform.pm_timer = fadt::pm_timer(table);
                    platform.reset = fadt::reset_register(table);
                }
                b"HPET" => platform.hpet = hpet::registers(table),
                _ => {}
            }
        }
        if platform.cores.is_empty() {
            Err(Error::NoProcessors)
        } else {
            Ok(platform)
        }
    }
}
