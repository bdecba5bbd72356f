//! The PCI transport with what the library leaves out: interrupts by MSI-X, and notifications that
//! cost one register write instead of three accesses.
//!
//! Source: virtio specification 1.2, section 4.1.4 ("Virtio Structure PCI Capabilities").

use pci_types::PciAddress;
use pci_types::capability::PciCapability;
use virtio_drivers::transport::pci::PciTransport;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::mem::mmio;
use crate::pci::{self, Ecam};

/// Queues whose notification addresses are kept; network cards with one pair have two.
const QUEUES: usize = 4;

/// Types of virtio structures in PCI capabilities.
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;

mod field {
    pub(super) const CAPABILITY_TYPE: u16 = 0;
    pub(super) const CAPABILITY_BAR: u16 = 4;
    pub(super) const CAPABILITY_OFFSET: u16 = 8;
    pub(super) const CAPABILITY_MULTIPLIER: u16 = 16;

    pub(super) const CONFIG_VECTOR: u64 = 0x10;
    pub(super) const QUEUE_SELECT: u64 = 0x16;
    pub(super) const QUEUE_VECTOR: u64 = 0x1a;
    pub(super) const QUEUE_NOTIFY_OFFSET: u64 = 0x1e;
}

const NO_VECTOR: u16 = 0xffff;

/// A virtio structure in device memory, as its capability names it.
struct Structure {
    address: u64,
    capability: u16,
}

fn structure(ecam: &Ecam, address: PciAddress, wanted: u8) -> Option<Structure> {
    pci::endpoint(ecam, address)?
        .capabilities(ecam)
        .find_map(|capability| {
            let PciCapability::Vendor(place) = capability else {
                return None;
            };
            let register = |offset| ecam.read_register(address, place.offset + offset);
            let [_, _, _, kind] = register(field::CAPABILITY_TYPE).to_le_bytes();
            let [bar, ..] = register(field::CAPABILITY_BAR).to_le_bytes();
            if kind != wanted {
                return None;
            }
            let offset = u64::from(register(field::CAPABILITY_OFFSET));
            let address = pci::memory_bar(ecam, address, bar)?.checked_add(offset)?;
            Some(Structure {
                address,
                capability: place.offset,
            })
        })
}

/// A PCI transport whose queue `interrupting` uses MSI-X table entry 0.
pub struct MsixTransport {
    inner: PciTransport,
    common: u64,
    notify: u64,
    notify_multiplier: u64,
    notify_at: [Option<u64>; QUEUES],
    interrupting: Option<u16>,
}

impl MsixTransport {
    /// Wraps `inner`, the transport of the function at `address`, whose registers it has mapped.
    /// `interrupting` is the queue that shall interrupt; MSI-X must be routed then. `None` if the
    /// structures are not where the inner transport found them.
    #[must_use]
    pub fn new(
        inner: PciTransport,
        ecam: &Ecam,
        address: PciAddress,
        interrupting: Option<u16>,
    ) -> Option<Self> {
        let common = structure(ecam, address, COMMON)?.address;
        let notify = structure(ecam, address, NOTIFY)?;
        let multiplier =
            ecam.read_register(address, notify.capability + field::CAPABILITY_MULTIPLIER);
        Some(Self {
            inner,
            common,
            notify: notify.address,
            notify_multiplier: u64::from(multiplier),
            notify_at: [None; QUEUES],
            interrupting,
        })
    }

    fn read(&self, offset: u64) -> u16 {
        // SAFETY: a register of the common configuration structure, mapped by the inner transport.
        unsafe { mmio::read(self.common + offset) }
    }

    fn write(&self, offset: u64, value: u16) {
        // SAFETY: as in `read`; the vectors and the queue selection name no memory.
        unsafe { mmio::write(self.common + offset, value) };
    }
}

impl Transport for MsixTransport {
    fn device_type(&self) -> DeviceType {
        self.inner.device_type()
    }

    fn read_device_features(&mut self) -> u64 {
        self.inner.read_device_features()
    }

    fn write_driver_features(&mut self, features: u64) {
        self.inner.write_driver_features(features);
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.inner.max_queue_size(queue)
    }

    fn notify(&mut self, queue: u16) {
        match self.notify_at.get(usize::from(queue)).copied().flatten() {
            // SAFETY: the queue's notification register, within the region the inner transport
            // mapped.
            Some(register) => unsafe { mmio::write(register, queue) },
            None => self.inner.notify(queue),
        }
    }

    fn get_status(&self) -> DeviceStatus {
        self.inner.get_status()
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.inner.set_status(status);
    }

    fn set_guest_page_size(&mut self, size: u32) {
        self.inner.set_guest_page_size(size);
    }

    fn requires_legacy_layout(&self) -> bool {
        self.inner.requires_legacy_layout()
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        self.write(field::CONFIG_VECTOR, NO_VECTOR);
        self.write(field::QUEUE_SELECT, queue);
        let vector = if self.interrupting == Some(queue) {
            0
        } else {
            NO_VECTOR
        };
        self.write(field::QUEUE_VECTOR, vector);
        let offset = u64::from(self.read(field::QUEUE_NOTIFY_OFFSET)) * self.notify_multiplier;
        if let Some(register) = self.notify_at.get_mut(usize::from(queue)) {
            *register = Some(self.notify + offset);
        }
        self.inner
            .queue_set(queue, size, descriptors, driver_area, device_area);
    }

    fn queue_unset(&mut self, queue: u16) {
        self.inner.queue_unset(queue);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.inner.queue_used(queue)
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        self.inner.ack_interrupt()
    }

    fn read_config_generation(&self) -> u32 {
        self.inner.read_config_generation()
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        self.inner.read_config_space(offset)
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        offset: usize,
        value: T,
    ) -> Result<()> {
        self.inner.write_config_space(offset, value)
    }
}
