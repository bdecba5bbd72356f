//! What the kernel takes over from the firmware.

use alloc::string::String;

use basalt_manifest::Manifest;
use heapless::Vec;

use super::firmware_devices::FirmwareDevices;
use crate::acpi::{self, Platform};
use crate::log::screen::Geometry;
use crate::mem::image::{MAX_SECTIONS, Section};
use crate::mem::map::{MemoryMap, Span};
use crate::time::calibrate::Measurement;

/// A framebuffer the firmware has set up.
#[derive(Clone, Copy, Debug)]
pub struct Framebuffer {
    /// Where its pixels lie.
    pub pixels: Span,
    /// Its shape.
    pub geometry: Geometry,
}

/// What the operator wants, and who the node is.
#[derive(Debug)]
pub struct Configuration {
    /// The manifest, right in itself, not yet checked against the machine.
    pub manifest: Manifest,
    /// Who the node is, as far as the boot volume knows.
    pub identity: Identity,
    /// The file of services that come with the node, if the boot volume has one.
    pub services: Option<&'static [u8]>,
}

/// The seed of the node's key pair, as far as the boot volume knows.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The manifest names it.
    Manifest([u8; 32]),
    /// It is the generated one.
    File([u8; 32]),
    /// It was generated and cannot be read; the state may have it too.
    Unreadable(Refusal),
}

/// Why the appliance must not start: a headline and the details, for the operator.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What is wrong, in a few words.
    pub headline: &'static str,
    /// Everything known about it, one or more lines.
    pub details: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What the kernel takes over.
pub struct Handover {
    /// The machine's memory.
    pub map: MemoryMap,
    /// The sections of the running image; empty if its headers make no sense.
    pub sections: Vec<Section, MAX_SECTIONS>,
    /// Where the image lies.
    pub image: Span,
    /// What ACPI says.
    pub platform: Result<Platform, acpi::Error>,
    /// The screen.
    pub framebuffer: Option<Framebuffer>,
    /// What the operator wants.
    pub configuration: Result<Configuration, Refusal>,
    /// The clock's calibration, still running.
    pub measurement: Option<Measurement>,
    /// The devices that the firmware stays to drive.
    pub firmware_devices: FirmwareDevices,
}
