//! The disks that the kernel drives, and those that it does not.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use pci_types::PciAddress;

use crate::drivers::disk::{AnyDisk, Counters, Disk, Engine, Facts};
use crate::drivers::virtio_blk;
use crate::pci::{CLASS_STORAGE, Ecam, Function};

/// A disk in use.
pub struct Found {
    /// Where its controller is on the bus.
    pub place: PciAddress,
    /// What it is.
    pub facts: Facts,
    /// What it counts.
    pub counters: Arc<Counters>,
    /// The disk itself.
    pub device: AnyDisk,
}

impl Found {
    fn new<E: Engine + 'static>(place: PciAddress, disk: Disk<E>) -> Self {
        Self {
            place,
            facts: disk.facts().clone(),
            counters: disk.counters(),
            device: Box::new(disk),
        }
    }

    /// Whether `name` is its serial number or its place on the bus.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        (!self.facts.serial.is_empty() && self.facts.serial == name)
            || alloc::format!("{}", self.place) == name
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, facts, .. } = self;
        write!(f, "{place}: {facts}")
    }
}

/// Opens all disks that the kernel has drivers for; the others are told.
pub fn find(ecam: &Ecam, functions: &[Function]) -> Vec<Found> {
    let mut found = Vec::new();
    for function in functions {
        let opened = if virtio_blk::matches(function) {
            virtio_blk::open(ecam, function)
                .map(|disk| found.push(Found::new(function.address, disk)))
        } else if function.class == CLASS_STORAGE {
            Err(String::from("there is no driver for it"))
        } else {
            continue;
        };
        match opened {
            Ok(()) => {}
            Err(error) => ::log::error!(target: "disk", "{function} cannot be used: {error}"),
        }
    }
    for disk in &found {
        ::log::info!(target: "disk", "{disk}");
    }
    found
}
