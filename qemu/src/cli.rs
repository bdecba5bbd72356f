//! The command line of `cargo run`.

use std::{path::PathBuf, str::FromStr};

use basalt_qemu::{Accel, Disk, DiskModel};
use clap::Parser;

/// Boots a Basalt node in QEMU and says how to talk to it.
///
/// Without arguments it builds the kernel and an image with the demonstration's manifest, boots it,
/// waits until the node listens, prints its peer id and its multiaddrs as reachable from this
/// machine, and stays until Ctrl-C. The kernel of `cargo run` is built in a short time and says
/// QUICK with its version; `cargo run --release` builds the one that images for installing have.
///
/// QEMU and the UEFI firmware OVMF are searched where distributions put them; on Debian and Ubuntu
/// they are installed with apt-get if that needs no password. BASALT_NO_INSTALL=1 forbids that.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Boot the node of this manifest instead of the demonstration's; docs/manifest.md lists its
    /// keys.
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    pub(crate) manifest: Option<PathBuf>,

    /// Boot this image instead of building one.
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,

    /// Make the image of this kernel (ELF file or UEFI application) instead of building it.
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    pub(crate) kernel: Option<PathBuf>,

    /// Keep what the node writes to its disk in the image file; else it is forgotten.
    #[arg(long, requires = "image")]
    pub(crate) keep: bool,

    /// Number of cores.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub(crate) cores: u32,

    /// Memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub(crate) memory: u32,

    /// Model of the network card, as QEMU names it.
    #[arg(long, value_name = "MODEL", default_value = "virtio-net-pci")]
    pub(crate) nic: String,

    /// What the disk is connected by: virtio, nvme, ahci, scsi or usb. The last two the firmware
    /// has to drive, which takes a core.
    #[arg(long, value_name = "MODEL", default_value_t = DiskModel::Virtio)]
    pub(crate) disk: DiskModel,

    /// Give the network card its option ROM, so that the firmware can drive it.
    #[arg(long)]
    pub(crate) nic_rom: bool,

    /// Forward a port of this machine to one of the node's; 0 chooses a free one. May be repeated.
    /// The node's own ports are forwarded in any case.
    #[arg(long, value_name = "HOST:GUEST")]
    pub(crate) forward: Vec<Forward>,

    /// Show the screen: none, gtk, sdl, ...
    #[arg(long, value_name = "KIND", default_value = "none")]
    pub(crate) display: String,

    /// How instructions are executed: kvm, tcg (emulated), or auto: kvm if a probe's guest runs.
    #[arg(long, value_name = "KIND", default_value_t = Accel::Auto, env = "BASALT_ACCEL")]
    pub(crate) accel: Accel,

    /// How long the node may take to listen, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub(crate) timeout: u64,

    /// Exit as soon as the node listens.
    #[arg(long)]
    pub(crate) exit_after_listen: bool,

    /// Do not print the node's serial line.
    #[arg(long)]
    pub(crate) quiet: bool,

    /// Path of qemu-system-x86_64 (environment: BASALT_QEMU).
    #[arg(long, value_name = "FILE")]
    pub(crate) qemu: Option<PathBuf>,

    /// Path of the firmware's code (environment: BASALT_OVMF_CODE).
    #[arg(long, value_name = "FILE")]
    pub(crate) ovmf_code: Option<PathBuf>,

    /// Path of the firmware's empty variable store (environment: BASALT_OVMF_VARS).
    #[arg(long, value_name = "FILE")]
    pub(crate) ovmf_vars: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn fate_of_disk(&self) -> Disk {
        if self.keep { Disk::Keep } else { Disk::Forget }
    }
}

/// A forwarded port, `HOST:GUEST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) host: u16,
    pub(crate) guest: u16,
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once(':')
            .and_then(|(host, guest)| Some((host.parse().ok()?, guest.parse().ok()?)))
            .filter(|(_, guest)| *guest != 0)
            .map(|(host, guest)| Self { host, guest })
            .ok_or_else(|| "it is HOST:GUEST, two port numbers such as 7001:977".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn forwards_are_two_ports() {
        assert_eq!(
            "7001:977".parse(),
            Ok(Forward {
                host: 7001,
                guest: 977
            })
        );
        assert!("0:977".parse::<Forward>().is_ok());
        for bad in ["", "977", "1:0", "1:70000", "a:b"] {
            assert!(bad.parse::<Forward>().is_err(), "{bad}");
        }
    }
}
