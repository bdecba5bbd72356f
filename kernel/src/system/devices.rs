//! Which devices there are, and opening those the kernel drives.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::disks::{self, Found};
use crate::acpi::Platform;
use crate::boot::Refusal;
use crate::cpu::idt::NETWORK_VECTOR;
use crate::drivers::{virtio_net, virtio_net::VirtioNet, virtio_rng};
use crate::entropy;
use crate::pci::{self, CLASS_NETWORK, Ecam, Function};

/// The devices in use.
pub struct Devices {
    /// The network card.
    pub network: VirtioNet,
    /// The disks.
    pub disks: Vec<Found>,
}

/// Looks at the bus, adds to the entropy what devices give, and opens the first network card that
/// the kernel has a driver for, with its interrupts on the core `apic_id`.
///
/// # Errors
/// [`Refusal`] if there is no such card.
pub fn find(platform: &Platform, apic_id: u32) -> Result<Devices, Refusal> {
    let refuse = |details: String| Refusal {
        headline: "no network",
        details,
        remedy: "add a supported network card (virtio-net)",
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
    for function in functions
        .iter()
        .filter(|function| virtio_net::matches(function))
    {
        match VirtioNet::open(&ecam, function, apic_id, NETWORK_VECTOR) {
            Ok(network) => {
                let [a, b, c, d, e, f] = network.mac();
                let wakes = if network.interrupts() {
                    "interrupts"
                } else {
                    "polled"
                };
                ::log::info!(
                    target: "net",
                    "virtio card at {}, {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}, {wakes}",
                    function.address,
                );
                let disks = disks::find(&ecam, &functions);
                return Ok(Devices { network, disks });
            }
            Err(error) => ::log::error!(target: "net", "{function} cannot be used: {error}"),
        }
    }
    Err(refuse(describe_unusable(&functions)))
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
