//! The node as the operating system of a machine: the image, booted in QEMU.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use basalt_image_builder::{Image, elf, kernel, pe, services};
use basalt_qemu::{Disk, DiskModel, Guest, Machine};
use libp2p::Multiaddr;
use uuid::Uuid;

use super::{Host, Station, manifest};
use crate::PATIENCE;
use crate::client::peer::Peer;
use crate::target::{Target, moved, port};

/// Lines of the serial log in the report of a failure.
const TAIL: usize = 60;

/// Memory of a machine that only serves its clients.
const MEMORY_MIB: u32 = 512;

/// The ports that a node listens on when its manifest names none.
const TCP_PORT: u16 = 977;
const WEBSOCKET_PORT: u16 = 999;
/// The port of the operator's pages, where a manifest opens it.
pub(crate) const PAGES_PORT: u16 = 8080;

/// Where a guest finds its host's loopback address.
pub(crate) const HOST: [u8; 4] = [10, 0, 2, 2];

impl Host for Guest {
    fn tail(&self) -> String {
        let lines = self.serial().last(TAIL);
        lines.iter().map(|line| format!("    {line}\n")).collect()
    }

    fn process_id(&self) -> u32 {
        Guest::process_id(self)
    }

    fn is_running(&self) -> bool {
        Guest::is_running(self)
    }
}

/// What a machine's network card is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Card {
    /// virtio-net.
    #[default]
    Virtio,
    /// An Intel 82574L.
    Intel,
    /// One for which only the firmware has a driver.
    Firmware,
}

impl Card {
    pub(crate) const ALL: [Self; 3] = [Self::Virtio, Self::Intel, Self::Firmware];

    /// Its model, as QEMU names it.
    pub(crate) const fn model(self) -> &'static str {
        match self {
            Self::Virtio => "virtio-net-pci",
            Self::Intel => "e1000e",
            Self::Firmware => "vmxnet3",
        }
    }
}

/// What a machine is made of, as far as drivers matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hardware {
    /// The network card.
    pub(crate) card: Card,
    /// What the disk is connected by.
    pub(crate) disk: DiskModel,
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.card.model(), self.disk)
    }
}

impl Hardware {
    /// Whether the firmware keeps a core to drive a part of it.
    const fn is_degraded(self) -> bool {
        matches!(self.card, Card::Firmware) || matches!(self.disk, DiskModel::Scsi | DiskModel::Usb)
    }

    /// What the kernel says when it uses this card, and this disk.
    const fn signs(self) -> [&'static str; 2] {
        let card = match self.card {
            Card::Virtio => "net: virtio-net at",
            Card::Intel => "net: Intel 82574L at",
            Card::Firmware => "net: card driven by the firmware",
        };
        let disk = match self.disk {
            DiskModel::Virtio => ": virtio-blk disk",
            DiskModel::Nvme => ": NVMe disk",
            DiskModel::Ahci => ": AHCI disk",
            DiskModel::Scsi | DiskModel::Usb => ": firmware disk",
        };
        [card, disk]
    }
}

/// A disk with the image on it. The file goes when this is dropped.
pub(crate) struct Installed {
    image: PathBuf,
    disk: Disk,
    hardware: Hardware,
    memory_mib: u32,
    bootstrap: Arc<Peer>,
}

impl Drop for Installed {
    fn drop(&mut self) {
        // What is left lies in cargo's own folder.
        let _ = fs::remove_file(&self.image);
    }
}

impl Installed {
    /// A disk whose node has the given identity, and dials a fresh bootstrap peer and `others` (as
    /// this host reaches them).
    pub(crate) async fn with_seed(seed: [u8; 32], others: &[Multiaddr]) -> Result<Self> {
        Self::new(Some(seed), Disk::Forget, MEMORY_MIB, others, "").await
    }

    /// The same, but the node makes its identity itself, and the disk keeps what is written to it.
    pub(crate) async fn without_seed(others: &[Multiaddr]) -> Result<Self> {
        Self::new(None, Disk::Keep, MEMORY_MIB, others, "").await
    }

    /// A disk that keeps what is written to it, with `more` sections in the manifest, for a machine
    /// with so much memory.
    pub(crate) async fn with_more(more: &str, memory_mib: u32) -> Result<Self> {
        Self::new(Some([0xbb; 32]), Disk::Keep, memory_mib, &[], more).await
    }

    /// The same, but what is written to the disk is forgotten.
    pub(crate) async fn passing(more: &str, memory_mib: u32) -> Result<Self> {
        Self::new(Some([0xbd; 32]), Disk::Forget, memory_mib, &[], more).await
    }

    /// The peer that the node dials.
    pub(crate) fn bootstrap(&self) -> &Peer {
        &self.bootstrap
    }

    /// The same disk in a machine with other hardware.
    pub(crate) fn in_machine(mut self, hardware: Hardware) -> Self {
        self.hardware = hardware;
        self
    }

    async fn new(
        seed: Option<[u8; 32]>,
        disk: Disk,
        memory_mib: u32,
        others: &[Multiaddr],
        more: &str,
    ) -> Result<Self> {
        let bootstrap = Arc::new(Peer::start(&["/ip4/127.0.0.1/tcp/0"])?);
        let mut dialed = vec![from_guest(&bootstrap.address(false).await?)?];
        for other in others {
            dialed.push(from_guest(other)?);
        }
        let manifest = manifest(seed, &dialed, "") + more;
        let image = tokio::task::spawn_blocking(move || {
            let image = Image::new(
                application()?,
                manifest.as_bytes(),
                Some(services::published()?),
            )?;
            written(&image)
        });
        Ok(Self {
            image: image.await??,
            disk,
            hardware: Hardware::default(),
            memory_mib,
            bootstrap,
        })
    }

    /// Boots a machine with `cores` cores from the disk, and one more for the firmware if that
    /// keeps one; returns when the node listens and each core was tested.
    pub(crate) async fn boot(&self, cores: u32) -> Result<(Target, Guest)> {
        let hardware = self.hardware;
        let machine = Machine::new(&self.image)
            .disk(self.disk)
            .disk_model(hardware.disk)
            .memory(self.memory_mib)
            .cores(cores + u32::from(hardware.is_degraded()))
            .nic(hardware.card.model())
            .nic_rom(hardware.card == Card::Firmware)
            .forward(0, TCP_PORT)
            .forward(0, WEBSOCKET_PORT)
            .forward(0, PAGES_PORT);
        let boot = tokio::task::spawn_blocking(move || {
            let guest = machine.start()?;
            let line = guest.wait_for_line("basalt: listening ", PATIENCE)?;
            let said = guest.serial().lines(0).join("\n");
            for sign in hardware.signs() {
                ensure!(said.contains(sign), "no '{sign}' in:\n{said}");
            }
            ensure!(
                said.contains("degraded: ") == hardware.is_degraded(),
                "{said}"
            );
            for core in 1..cores {
                let report = guest.wait_for_line(&format!("cpu: core {core}: "), PATIENCE)?;
                for test in ["aes ok", "avx ok", "rounding ok"] {
                    ensure!(report.contains(test), "no '{test}' in '{report}'");
                }
            }
            anyhow::Ok((guest, line))
        });
        let (guest, line) = boot.await??;
        let forwarded = |port| guest.forwarded(port).context("a port is not forwarded");
        let target = Target::told_by(&line)?;
        let target = target.forwarded(forwarded(TCP_PORT)?, forwarded(WEBSOCKET_PORT)?);
        Ok((target, guest))
    }

    /// [`Installed::boot`] as a station for suites.
    pub(crate) async fn station(&self, cores: u32) -> Result<Station> {
        let (target, guest) = self.boot(cores).await?;
        Ok(Station {
            target,
            bootstrap: self.bootstrap.clone(),
            host: Box::new(guest),
        })
    }
}

/// A disk with the image on it, for tests of the machine below the node. The file goes when this is
/// dropped.
pub(crate) struct Bare {
    image: PathBuf,
}

impl Bare {
    /// A disk of `size` bytes with the manifest `text`.
    pub(crate) fn new(text: &str, size: u64) -> Result<Self> {
        let image = written(&Image::new(application()?, text.as_bytes(), None)?)?;
        let disk = Self { image };
        let file = fs::File::options().write(true).open(&disk.image)?;
        file.set_len(size)?;
        Ok(disk)
    }

    /// A disk with the self-test image, which replays the vectors in `pack`.
    pub(crate) fn self_test(pack: &[u8]) -> Result<Self> {
        let image = written(&Image::new(self_test()?, b"", Some(pack))?)?;
        Ok(Self { image })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.image
    }

    /// A small machine that boots from the disk.
    pub(crate) fn machine(&self, disk: Disk) -> Machine {
        Machine::new(&self.image).disk(disk).cores(1).memory(256)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // What is left lies in cargo's own folder.
        let _ = fs::remove_file(&self.image);
    }
}

/// What the guest says up to and with a line that contains `wanted`.
pub(crate) fn said(machine: &Machine, wanted: &str) -> Result<String> {
    said_within(machine, wanted, PATIENCE)
}

/// [`said`], with another patience.
pub(crate) fn said_within(machine: &Machine, wanted: &str, patience: Duration) -> Result<String> {
    let guest = machine.start()?;
    let heard = guest.wait_for_line(wanted, patience);
    let lines = guest.serial().lines(0).join("\n");
    heard.with_context(|| lines.clone())?;
    guest.quit()?;
    Ok(lines)
}

/// Boots a disk whose manifest is `text`, broken or not, and returns the serial line that contains
/// `wanted`, with all lines before it.
pub(crate) async fn complains(text: &'static str, wanted: &'static str) -> Result<Vec<String>> {
    let boot = tokio::task::spawn_blocking(move || {
        let image = written(&Image::unchecked(application()?, text.as_bytes(), None)?)?;
        let guest = Machine::new(&image).cores(1).start()?;
        let heard = guest.wait_for_line(wanted, PATIENCE);
        let lines = guest.serial().lines(0);
        drop(guest);
        fs::remove_file(image)?;
        heard?;
        anyhow::Ok(lines)
    });
    boot.await?
}

/// Builds the kernel, once, when it is stale; the environment's `BASALT_KERNEL` names one that is
/// built already.
pub(crate) fn build() -> Result<()> {
    application().map(drop)
}

/// Builds the program of the self-test image, and the kernel beside which it is looked at.
pub(crate) fn build_self_test() -> Result<()> {
    build().and_then(|()| self_test().map(drop))
}

/// The kernel as a UEFI application.
pub(crate) fn application() -> Result<&'static [u8]> {
    static APPLICATION: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    once(&APPLICATION, || match std::env::var_os("BASALT_KERNEL") {
        Some(path) => Ok(path.into()),
        // What is tested is what is installed.
        None => Ok(kernel::build(
            kernel::Profile::Release,
            kernel::Messages::OnError,
        )?),
    })
}

/// The program of the self-test image as a UEFI application.
pub(crate) fn self_test() -> Result<&'static [u8]> {
    static SELF_TEST: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    once(&SELF_TEST, || {
        Ok(kernel::build_self_test(kernel::Messages::OnError)?)
    })
}

/// The UEFI application of the ELF file that `build` gives, made once.
fn once(
    kept: &'static OnceLock<Result<Vec<u8>, String>>,
    build: impl FnOnce() -> Result<PathBuf>,
) -> Result<&'static [u8]> {
    let built = || {
        let executable = fs::read(build()?)?;
        anyhow::Ok(pe::application(&elf::Executable::parse(&executable)?)?)
    };
    kept.get_or_init(|| built().map_err(|error| format!("{error:#}")))
        .as_deref()
        .map_err(|reason| anyhow::anyhow!("{reason}"))
}

fn written(image: &Image) -> Result<PathBuf> {
    let name = format!("{}.img", Uuid::new_v4());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    image.write(&path)?;
    Ok(path)
}

/// An address of this host's loopback as a guest reaches it.
fn from_guest(address: &Multiaddr) -> Result<String> {
    let host = SocketAddr::from((HOST, port(address)?));
    Ok(moved(address, host).to_string())
}
