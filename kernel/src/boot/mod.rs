//! Taking over from the firmware: everything the kernel wants from it, asked while it is still
//! there.
//!
//! [`firmware`] speaks UEFI, [`identity`] is the file with the node's generated identity; what they
//! find is a [`Handover`]. Where only the firmware can drive the network card or the disk,
//! [`firmware_drivers`] keeps it.

mod descriptors;
pub mod firmware;
mod firmware_devices;
pub mod firmware_drivers;
mod handover;
pub mod identity;

pub use self::firmware::gather;
pub use self::firmware_devices::{FirmwareDevices, FirmwareDisk};
pub use self::handover::{Configuration, Framebuffer, Handover, Identity, Refusal};
