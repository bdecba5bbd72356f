//! The system services that come with a node: the published packages, unchanged.
//!
//! Layers, from the bottom:
//!
//! * [`cid`]: content identifiers of files;
//! * [`File`]: a file with its CID, plain or compressed;
//! * [`Distro`]: packages of modules and spells, and the calls that set them up;
//! * [`pack`]: all of it as one file, for the boot volume of an image;
//! * [`published`] (feature of that name, only on the host): the packages as they are in the crates
//!   registry.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "published"))]
extern crate std;

pub mod cid;
mod file;
pub mod pack;
#[cfg(feature = "published")]
pub mod published;

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

pub use file::{Bytes, Damaged, File};

/// A service, a spell, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name, which is also the service's alias.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Modules by name, the facade last. Without modules the package is only a spell.
    pub modules: Vec<(String, File)>,
    /// Calls that set the service up after it was created: functions and arguments. [`NOW`] stands
    /// for the time.
    pub calls: Vec<(String, Value)>,
    /// The spell.
    pub spell: Option<Spell>,
}

/// In place of an argument: the seconds since 1970, which are not known before the call.
pub const NOW: &str = "$now";

/// A spell that comes with the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// Its alias.
    pub name: String,
    /// Its script, text in AIR.
    pub script: File,
    /// What its key-value storage holds from the start: an object.
    pub data: Value,
    /// Seconds between its particles.
    pub period: u32,
}

/// Everything that comes with a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distro {
    /// The service that all spells are made of.
    pub spell: Package,
    /// The system services, in the order of installation.
    pub system: Vec<Package>,
}
