//! Which devices there are, and opening those the kernel drives.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use basalt_node::status::DeviceReport;

use super::disks::{self, Found};
use crate::acpi::Platform;
use crate::boot::{FirmwareDevices, Refusal};
use crate::cpu::vectors::NETWORK_VECTOR;
use crate::drivers::network::firmware;
use crate::drivers::network::{self, Interrupt, Nic};
use crate::drivers::virtio_rng;
use crate::entropy;
use crate::pci::{self, CLASS_NETWORK, Ecam, Function};

/// The devices in use.
pub struct Devices {
    /// The network card.
    pub network: Nic,
    /// The disks.
    pub disks: Vec<Found>,
    /// What they are, for the status.
    pub reports: Vec<DeviceReport>,
}

/// Looks at the bus, adds to the entropy what devices give, and opens the first network card that
/// the kernel has a driver for, with its interrupts on the core `apic_id`.
///
/// # Errors
/// [`Refusal`] if there is no such card and the firmware drives none either.
pub fn find(
    platform: &Platform,
    apic_id: u32,
    firmware_devices: FirmwareDevices,
) -> Result<Devices, Refusal> {
    let refuse = |details: String| Refusal {
        headline: "no network",
        details,
        remedy: "add a supported network card (virtio-net, Intel e1000e)",
    };
    let ecam = Ecam::map(&platform.ecam).map_err(|error| refuse(error.to_string()))?;
    let functions = pci::scan(&ecam);
    for function in &functions {
        ::log::debug!("{function}");
    }
    ::log::info!(target: "pci", "{} functions", functions.len());
    for function in functions
        .iter()
        .filter(|function| virtio_rng::matches(function))
    {
        add_entropy(&ecam, function);
    }
    let FirmwareDevices {
        card: lent_card,
        disks: lent_disks,
    } = firmware_devices;
    let interrupt = Interrupt {
        apic_id,
        vector: NETWORK_VECTOR,
    };
    for function in &functions {
        match network::open(&ecam, function, interrupt) {
            None => {}
            Some(Ok((network, name))) => {
                let name = format!("{name} at {}", function.address);
                let disks = disks::find(&ecam, &functions, lent_disks);
                return Ok(in_use(network, name, false, disks));
            }
            Some(Err(error)) => {
                ::log::error!(target: "net", "{function} cannot be used: {error}");
            }
        }
    }
    let unusable = describe_unusable(&functions);
    let Some(card) = lent_card else {
        return Err(refuse(unusable));
    };
    ::log::warn!(target: "net", "{unusable}");
    ::log::warn!(target: "net", "degraded: the firmware drives the card, and keeps a core for it");
    let network = Nic::new(Box::new(card));
    let disks = disks::find(&ecam, &functions, lent_disks);
    Ok(in_use(network, firmware::NAME.to_string(), true, disks))
}

fn in_use(network: Nic, name: String, degraded: bool, disks: Vec<Found>) -> Devices {
    let [a, b, c, d, e, f] = network.mac();
    let wakes = match network.interrupts() {
        true => "interrupts",
        false => "polled",
    };
    ::log::info!(
        target: "net",
        "{name}, {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}, {wakes}, link {}",
        network.link(),
    );
    let card = DeviceReport {
        kind: "network",
        name,
        degraded,
    };
    let reports = disks.iter().map(|disk| DeviceReport {
        kind: "disk",
        name: disk.to_string(),
        degraded: disk.degraded,
    });
    Devices {
        reports: [card].into_iter().chain(reports).collect(),
        network,
        disks,
    }
}

fn add_entropy(ecam: &Ecam, function: &Function) {
    match virtio_rng::read(ecam, function) {
        Ok(bytes) => {
            entropy::add(&bytes);
            ::log::info!(target: "entropy", "{} bytes from the virtio device at {}", bytes.len(), function.address);
        }
        Err(error) => ::log::warn!(target: "entropy", "{function} cannot be used: {error}"),
    }
}

fn describe_unusable(functions: &[Function]) -> String {
    let cards: Vec<&Function> = functions
        .iter()
        .filter(|function| function.class == CLASS_NETWORK)
        .collect();
    if cards.is_empty() {
        return format!(
            "there is no network card among {} PCI functions",
            functions.len()
        );
    }
    let mut text = "no usable network card; these were found:".to_string();
    for card in cards {
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {card}");
    }
    text
}
