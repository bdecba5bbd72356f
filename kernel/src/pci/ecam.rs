//! Configuration space mapped into memory (PCI Express base specification, "ECAM").

use heapless::Vec;
use pci_types::{ConfigRegionAccess, PciAddress};
use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction};

use crate::acpi::{EcamRegion, MAX_ECAM_REGIONS};
use crate::mem::map::Span;
use crate::mem::paging::NoTable;
use crate::mem::{mmio, space};

/// Bytes of configuration space per function, and per bus.
const FUNCTION: u64 = 4096;
const BUS: u64 = 256 * FUNCTION;

/// What reads of a function that is not there give.
const ABSENT: u32 = u32::MAX;

/// Mapped configuration space.
#[derive(Clone, Debug)]
pub struct Ecam {
    regions: Vec<EcamRegion, MAX_ECAM_REGIONS>,
}

impl Ecam {
    /// Maps the regions that ACPI names.
    ///
    /// # Errors
    /// [`NoTable`] if there is no memory for page tables.
    pub fn map(regions: &[EcamRegion]) -> Result<Self, NoTable> {
        for region in regions {
            let start = region.base + u64::from(region.first_bus) * BUS;
            let end = region.base + (u64::from(region.last_bus) + 1) * BUS;
            space::map_device(Span { start, end })?;
        }
        Ok(Self {
            regions: regions.iter().copied().take(MAX_ECAM_REGIONS).collect(),
        })
    }

    /// Segment and first bus of each region.
    pub fn first_buses(&self) -> impl Iterator<Item = (u16, u8)> {
        self.regions
            .iter()
            .map(|region| (region.segment, region.first_bus))
    }

    fn register(&self, address: PciAddress, offset: u16) -> Option<u64> {
        let covers = |region: &&EcamRegion| {
            region.segment == address.segment()
                && (region.first_bus..=region.last_bus).contains(&address.bus())
        };
        let region = self.regions.iter().find(covers)?;
        let function = u64::from(address.device()) * 8 + u64::from(address.function());
        let offset = u64::from(offset) & (FUNCTION - 4);
        Some(region.base + u64::from(address.bus()) * BUS + function * FUNCTION + offset)
    }

    /// Reads a register; all ones where no region is.
    #[must_use]
    pub fn read_register(&self, address: PciAddress, offset: u16) -> u32 {
        match self.register(address, offset) {
            // SAFETY: an aligned register of mapped configuration space; reads there have no
            // effect.
            Some(register) => unsafe { mmio::read(register) },
            None => ABSENT,
        }
    }

    fn write_register(&self, address: PciAddress, offset: u16, value: u32) {
        if let Some(register) = self.register(address, offset) {
            // SAFETY: an aligned register of mapped configuration space. What a write makes the
            // device do is its driver's responsibility; a device reaches memory only once `enable`
            // let it.
            unsafe { mmio::write(register, value) };
        }
    }
}

impl ConfigRegionAccess for Ecam {
    unsafe fn read(&self, address: PciAddress, offset: u16) -> u32 {
        self.read_register(address, offset)
    }

    unsafe fn write(&self, address: PciAddress, offset: u16, value: u32) {
        self.write_register(address, offset, value);
    }
}

/// The same space for drivers that know only the first segment.
impl ConfigurationAccess for Ecam {
    fn read_word(&self, function: DeviceFunction, offset: u8) -> u32 {
        self.read_register(address_of(function), u16::from(offset))
    }

    fn write_word(&mut self, function: DeviceFunction, offset: u8, value: u32) {
        self.write_register(address_of(function), u16::from(offset), value);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        self.clone()
    }
}

fn address_of(function: DeviceFunction) -> PciAddress {
    PciAddress::new(0, function.bus, function.device, function.function)
}
