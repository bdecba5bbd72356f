//! A device's registers and the clock that its answers are measured by: what a driver needs of the
//! machine beside memory. Tests put the model of a device behind it.

use core::time::Duration;

use pci_types::PciAddress;

use super::wait;
use crate::mem::map::Span;
use crate::mem::{mmio, space};
use crate::pci::{self, Ecam};
use crate::time;

/// Registers of 32 bits, and time.
pub trait Window: Send {
    /// Reads the register at `offset`.
    fn read(&self, offset: u64) -> u32;

    /// Writes the register at `offset`.
    fn write(&mut self, offset: u64, value: u32);

    /// Time since some moment.
    fn now(&self) -> Duration;

    /// Reads two registers as one of 64 bits.
    fn read_wide(&self, offset: u64) -> u64 {
        u64::from(self.read(offset)) | u64::from(self.read(offset + 4)) << 32
    }

    /// Writes two registers as one of 64 bits, the lower half first.
    fn write_wide(&mut self, offset: u64, value: u64) {
        self.write(offset, value as u32);
        self.write(offset + 4, (value >> 32) as u32);
    }

    /// Asks `question` again and again until it has an answer, for as long as `limit`.
    fn wait<T>(&self, limit: Duration, mut question: impl FnMut(&Self) -> Option<T>) -> Option<T>
    where
        Self: Sized,
    {
        let end = self.now() + limit;
        loop {
            if let Some(answer) = question(self) {
                return Some(answer);
            }
            if self.now() >= end {
                return None;
            }
            wait::relax();
        }
    }
}

/// The registers in a memory BAR.
pub struct Bar {
    span: Span,
}

impl Bar {
    /// The first `len` bytes of the memory BAR `slot` of a function; `None` if the firmware has not
    /// placed it or there is no memory for page tables.
    #[must_use]
    pub fn map(ecam: &Ecam, address: PciAddress, slot: u8, len: u64) -> Option<Self> {
        let start = pci::memory_bar(ecam, address, slot)?;
        let end = start.checked_add(len)?;
        let span = Span { start, end };
        space::map_device(span).ok()?;
        Some(Self { span })
    }

    fn register(&self, offset: u64) -> u64 {
        assert!(
            offset.is_multiple_of(4) && offset < self.span.len(),
            "no register at {offset:#x}"
        );
        self.span.start + offset
    }
}

impl Window for Bar {
    fn read(&self, offset: u64) -> u32 {
        // SAFETY: an aligned register within the mapped BAR.
        unsafe { mmio::read(self.register(offset)) }
    }

    fn write(&mut self, offset: u64, value: u32) {
        // SAFETY: an aligned register within the mapped BAR. A device reaches only the memory that
        // its driver names, and drivers name their own (`drivers::dma`).
        unsafe { mmio::write(self.register(offset), value) };
    }

    fn now(&self) -> Duration {
        time::since_entry()
    }
}
