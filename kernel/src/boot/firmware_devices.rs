//! Devices that the firmware stays to drive.

use alloc::string::String;
use alloc::vec::Vec;

use crate::drivers::disk::{self, Facts};
use crate::drivers::network;

/// What the kernel gets of the firmware's devices.
#[derive(Default)]
pub struct FirmwareDevices {
    /// The network card, if the kernel drives none.
    pub card: Option<network::firmware::Firmware>,
    /// The disks with a state, if the kernel drives none of them.
    pub disks: Vec<FirmwareDisk>,
}

/// A disk that the firmware drives.
pub struct FirmwareDisk {
    /// Where it is.
    pub place: String,
    /// What it is.
    pub facts: Facts,
    /// The way to it.
    pub engine: disk::firmware::Firmware,
}
