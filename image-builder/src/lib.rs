//! Makes a bootable disk image of the kernel and a manifest.
//!
//! Layers, from the inside out:
//!
//! * [`elf`]: the kernel as the linker leaves it, a static position-independent ELF executable;
//! * [`pe`]: the same as a UEFI application (PE32+);
//! * [`fat`]: a fresh FAT volume that holds application and manifest;
//! * [`gpt`]: a partitioned disk;
//! * [`image`]: the appliance's disk layout, filled;
//! * [`services`]: the published services that come with the node;
//! * [`kernel`]: builds the kernel with Cargo.
//!
//! Everything but [`kernel`] is a pure function of its input: the same kernel and manifest give the
//! same image, byte for byte. There are no clocks and no random numbers in it.
#![forbid(unsafe_code)]

pub mod elf;
pub mod fat;
pub mod gpt;
pub mod image;
pub mod kernel;
pub mod pe;
pub mod services;
mod units;

pub use image::Image;
pub use units::MIB;
