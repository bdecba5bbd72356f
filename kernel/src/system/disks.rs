//! The disks that the kernel drives, and those that it does not.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;

use crate::boot::FirmwareDisk;
use crate::drivers::disk::{AnyDisk, Counters, Disk, Engine, Facts};
use crate::drivers::{ahci, nvme, virtio_blk};
use crate::pci::{CLASS_STORAGE, Ecam, Function};

/// A disk in use.
pub struct Found {
    /// Where it is: its controller's place on the bus, and the port behind a controller with
    /// several.
    pub place: String,
    /// What it is.
    pub facts: Facts,
    /// Whether the firmware drives it, for want of a driver.
    pub degraded: bool,
    /// What it counts.
    pub counters: Arc<Counters>,
    /// The disk itself.
    pub device: AnyDisk,
}

impl Found {
    fn new<E: Engine + 'static>(place: String, disk: Disk<E>) -> Self {
        Self {
            place,
            facts: disk.facts().clone(),
            degraded: false,
            counters: disk.counters(),
            device: Box::new(disk),
        }
    }

    /// Whether `name` is its serial number or its place.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        name == self.place || (!name.is_empty() && name == self.facts.serial)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, facts, .. } = self;
        write!(f, "{place}: {facts}")
    }
}

/// Opens all disks that the kernel has drivers for, and those that the firmware lends; the others
/// are told.
pub fn find(ecam: &Ecam, functions: &[Function], lent: Vec<FirmwareDisk>) -> Vec<Found> {
    let mut found = Vec::new();
    for function in functions {
        let place = function.address.to_string();
        let opened = if virtio_blk::matches(function) {
            virtio_blk::open(ecam, function).map(|disk| vec![Found::new(place, disk)])
        } else if nvme::matches(function) {
            nvme::open(ecam, function).map(|disk| vec![Found::new(place, disk)])
        } else if ahci::matches(function) {
            ahci::open(ecam, function).map(|ports| behind_ports(&place, ports))
        } else if function.class == CLASS_STORAGE {
            let prefix = format!("{place}/");
            if lent.iter().any(|disk| disk.place.starts_with(&prefix)) {
                continue;
            }
            Err("there is no driver for it".into())
        } else {
            continue;
        };
        match opened {
            Ok(disks) => found.extend(disks),
            Err(error) => ::log::error!(target: "disk", "{function} cannot be used: {error}"),
        }
    }
    for FirmwareDisk {
        place,
        facts,
        engine,
    } in lent
    {
        match Disk::new(engine, facts) {
            Ok(disk) => {
                ::log::warn!(target: "disk", "degraded: the firmware drives {place}, and keeps a core for it");
                found.push(Found {
                    degraded: true,
                    ..Found::new(place, disk)
                });
            }
            Err(error) => ::log::error!(target: "disk", "{place} cannot be used: {error}"),
        }
    }
    for disk in &found {
        ::log::info!(target: "disk", "{disk}");
    }
    found
}

/// The disks behind the ports of one controller; what cannot be used is told.
fn behind_ports<E: Engine + 'static>(
    controller: &str,
    ports: Vec<(u32, Result<Disk<E>, String>)>,
) -> Vec<Found> {
    let mut found = Vec::new();
    for (number, disk) in ports {
        let place = format!("{controller}/{number}");
        match disk {
            Ok(disk) => found.push(Found::new(place, disk)),
            Err(error) => ::log::error!(target: "disk", "{place} cannot be used: {error}"),
        }
    }
    found
}
