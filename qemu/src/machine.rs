//! The description of a machine, and its start.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Accel, Error, Guest, Tools, accel, child, guest::Forward, qmp::Qmp, serial::Serial,
    tools::Named,
};

/// What becomes of what a guest writes to its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disk {
    /// It is forgotten when the guest ends; any number of guests can share one image.
    #[default]
    Forget,
    /// It stays in the image file.
    Keep,
}

/// What a guest's disk is connected by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskModel {
    /// A virtio disk.
    #[default]
    Virtio,
    /// An NVMe controller.
    Nvme,
    /// The machine's own AHCI controller.
    Ahci,
    /// A virtio SCSI controller.
    Scsi,
    /// A USB stick.
    Usb,
}

impl DiskModel {
    /// All models, with their names on the command line.
    pub const ALL: [(&str, Self); 5] = [
        ("virtio", Self::Virtio),
        ("nvme", Self::Nvme),
        ("ahci", Self::Ahci),
        ("scsi", Self::Scsi),
        ("usb", Self::Usb),
    ];

    /// QEMU's devices for the disk with this number among the machine's: its controller, unless the
    /// machine has one or the disk is one, and the disk.
    fn devices(self, number: usize) -> impl Iterator<Item = String> {
        let (controller, name, bus) = match self {
            Self::Virtio => (None, "virtio-blk-pci", String::new()),
            Self::Nvme => (None, "nvme", String::new()),
            Self::Ahci => (None, "ide-hd", format!("ide.{number}")),
            Self::Scsi => (Some("virtio-scsi-pci"), "scsi-hd", format!("bus{number}.0")),
            Self::Usb => (Some("qemu-xhci"), "usb-storage", format!("bus{number}.0")),
        };
        let bus = match bus.as_str() {
            "" => bus,
            bus => format!(",bus={bus}"),
        };
        let disk =
            format!("{name},drive=disk{number},serial=basalt-{number},bootindex={number}{bus}");
        let controller = controller.map(|name| format!("{name},id=bus{number}"));
        controller.into_iter().chain([disk])
    }
}

impl FromStr for DiskModel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found
            .map(|(_, model)| model)
            .ok_or_else(|| "it is virtio, nvme, ahci, scsi or usb".into())
    }
}

impl fmt::Display for DiskModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.into_iter().find(|(_, model)| model == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// Where a guest's network card is plugged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cable {
    /// QEMU's own network, with the host behind it and ports forwarded to the guest.
    #[default]
    Host,
    /// Another guest's card, over a socket at this path; this guest makes the socket, and starts
    /// first.
    First(PathBuf),
    /// The same, and this guest is the other.
    Second(PathBuf),
}

impl Cable {
    /// QEMU's network for it, and the card's hardware address.
    fn netdev(&self, forwards: &str) -> (OsString, &'static str) {
        let socket = |server: &str, path: &Path| {
            let mut text =
                OsString::from(format!("stream,id=net{server},addr.type=unix,addr.path="));
            text.push(doubled(path));
            text
        };
        match self {
            Self::Host => (format!("user,id=net{forwards}").into(), "52:54:00:12:34:56"),
            Self::First(path) => (socket(",server=on", path), "52:54:00:12:34:56"),
            Self::Second(path) => (socket(",server=off", path), "52:54:00:12:34:57"),
        }
    }
}

/// What becomes of what a guest says on its serial line, beside being kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Echo {
    /// Nothing.
    #[default]
    Silent,
    /// It is printed to standard output as it comes.
    Stdout,
}

/// A machine to start.
#[derive(Clone, Debug)]
pub struct Machine {
    image: PathBuf,
    disk: Disk,
    disk_model: DiskModel,
    further_disks: Vec<(PathBuf, DiskModel)>,
    damaged_sector: Option<u64>,
    counts_instructions: bool,
    cores: u32,
    memory_mib: u32,
    nic: String,
    nic_rom: bool,
    cable: Cable,
    forwards: Vec<Forward>,
    guest_address: Option<Ipv4Addr>,
    accel: Accel,
    display: String,
    echo: Echo,
    named: Named,
}

/// Longest wait for QEMU to set a machine up.
const SETUP: Duration = Duration::from_secs(30);

impl Machine {
    /// A machine that boots `image`: two cores, 512 MiB, virtio network, no display.
    #[must_use]
    pub fn new(image: impl Into<PathBuf>) -> Self {
        Self {
            image: image.into(),
            disk: Disk::default(),
            disk_model: DiskModel::default(),
            further_disks: Vec::new(),
            damaged_sector: None,
            counts_instructions: false,
            cores: 2,
            memory_mib: 512,
            nic: "virtio-net-pci".into(),
            nic_rom: false,
            cable: Cable::default(),
            forwards: Vec::new(),
            guest_address: None,
            accel: Accel::Auto,
            display: "none".into(),
            echo: Echo::Silent,
            named: Named::from_environment(),
        }
    }

    /// Sets what becomes of what the guest writes to its disk.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disk = disk;
        self
    }

    /// Sets what the disk is connected by.
    #[must_use]
    pub fn disk_model(mut self, model: DiskModel) -> Self {
        self.disk_model = model;
        self
    }

    /// Adds a disk with the content of `image`; what is written to it is forgotten.
    #[must_use]
    pub fn further_disk(mut self, image: impl Into<PathBuf>, model: DiskModel) -> Self {
        self.further_disks.push((image.into(), model));
        self
    }

    /// Lets every write to this sector (of 512 bytes) of the disk fail.
    #[must_use]
    pub fn damaged_sector(mut self, sector: u64) -> Self {
        self.damaged_sector = Some(sector);
        self
    }

    /// Lets the guest's clock count its instructions, one for a nanosecond, instead of time: for
    /// measurements that do not depend on the host. Emulation only.
    #[must_use]
    pub fn count_instructions(mut self) -> Self {
        self.counts_instructions = true;
        self.accel(Accel::Tcg)
    }

    /// Sets the number of cores.
    #[must_use]
    pub fn cores(mut self, cores: u32) -> Self {
        self.cores = cores;
        self
    }

    /// Sets the size of the memory in MiB.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Sets the model of the network card, as QEMU names it: `virtio-net-pci`, `e1000e`, ...
    #[must_use]
    pub fn nic(mut self, model: impl Into<String>) -> Self {
        self.nic = model.into();
        self
    }

    /// Gives the network card its option ROM, so that the firmware has a driver for it. Needs
    /// QEMU's ROMs for EFI (Debian: `ipxe-qemu`).
    #[must_use]
    pub fn nic_rom(mut self, rom: bool) -> Self {
        self.nic_rom = rom;
        self
    }

    /// Sets where the network card is plugged in. Ports are forwarded only from the host.
    #[must_use]
    pub fn cable(mut self, cable: Cable) -> Self {
        self.cable = cable;
        self
    }

    /// Makes a port of the guest reachable at a port of the host's loopback address; 0 chooses a
    /// free one, which [`Guest::forwarded`] tells.
    #[must_use]
    pub fn forward(mut self, host: u16, guest: u16) -> Self {
        self.forwards.push(Forward { host, guest });
        self
    }

    /// Sets the guest's address in QEMU's network 10.0.2.0/24; needed when it is static and not the
    /// one that QEMU's DHCP server gives first.
    #[must_use]
    pub fn guest_address(mut self, address: Ipv4Addr) -> Self {
        self.guest_address = Some(address);
        self
    }

    /// Sets how the guest's instructions are executed.
    #[must_use]
    pub fn accel(mut self, accel: Accel) -> Self {
        self.accel = accel;
        self
    }

    /// Sets QEMU's display: `none`, `gtk`, `sdl`, ...
    #[must_use]
    pub fn display(mut self, display: impl Into<String>) -> Self {
        self.display = display.into();
        self
    }

    /// Sets what becomes of the serial lines.
    #[must_use]
    pub fn echo(mut self, echo: Echo) -> Self {
        self.echo = echo;
        self
    }

    /// Sets paths of the tools, instead of those that the environment names.
    #[must_use]
    pub fn tools(mut self, named: Named) -> Self {
        self.named = named;
        self
    }

    /// Starts the machine.
    ///
    /// # Errors
    /// When QEMU or the firmware is missing, or QEMU refuses the machine.
    pub fn start(&self) -> Result<Guest, Error> {
        let tools = Tools::locate(&self.named)?;
        let accel = self.accel.resolve(&tools.qemu);
        let image = fs::canonicalize(&self.image)
            .map_err(Error::host(format!("the image {}", self.image.display())))?;
        let folder = tempfile::Builder::new()
            .prefix("basalt-")
            .tempdir()
            .map_err(Error::host("a temporary folder"))?;
        let at = |name: &str| folder.path().join(name);
        fs::copy(&tools.firmware.vars, at("vars"))
            .map_err(Error::host("a copy of the firmware's variable store"))?;
        if let Some(sector) = self.damaged_sector {
            let rule = format!(
                "[inject-error]\nevent = \"write_aio\"\nerrno = \"5\"\nsector = \"{sector}\"\n"
            );
            fs::write(at("faults"), rule).map_err(Error::host("the rules of the disk's faults"))?;
        }
        let messages = File::create(at("messages")).map_err(Error::host("QEMU's messages"))?;

        let mut command = child::command(&tools.qemu);
        command
            .args(self.arguments(accel, &tools.firmware.code, folder.path(), &image))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(messages);
        let mut process = child::spawn(command).map_err(Error::host("QEMU cannot be started"))?;
        let serial = Serial::default();
        if let Some(output) = process.stdout.take() {
            let (serial, echo) = (serial.clone(), self.echo);
            thread::spawn(move || {
                serial.read(output, |line| {
                    if echo == Echo::Stdout {
                        println!("{line}");
                    }
                });
            });
        }
        let mut guest = Guest::new(process, serial, folder, accel);
        let mut qmp = connect(&guest)?;
        let forwards = forwarded(&mut qmp, &self.forwards)?;
        guest.complete(qmp, forwards);
        Ok(guest)
    }

    /// QEMU's command line.
    fn arguments(&self, accel: Accel, code: &Path, folder: &Path, image: &Path) -> Vec<OsString> {
        let snapshot = match self.disk {
            Disk::Forget => "on",
            Disk::Keep => "off",
        };
        let guest = self
            .guest_address
            .map(|address| address.to_string())
            .unwrap_or_default();
        let forwards: String = self
            .forwards
            .iter()
            .map(|Forward { host, guest: port }| {
                format!(",hostfwd=tcp:127.0.0.1:{host}-{guest}:{port}")
            })
            .collect();
        let file = |head: &str, path: &Path| {
            let mut text = OsString::from(head);
            text.push(doubled(path));
            text
        };
        let mut list: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: OsString| list.extend([name.into(), value]);
        add("-machine", format!("q35,accel={accel}").into());
        add("-cpu", accel::processor(accel).into());
        add("-smp", self.cores.to_string().into());
        add("-m", self.memory_mib.to_string().into());
        add("-display", self.display.clone().into());
        add("-vga", "std".into());
        add(
            "-drive",
            file("if=pflash,format=raw,readonly=on,file=", code),
        );
        add(
            "-drive",
            file("if=pflash,format=raw,file=", &folder.join("vars")),
        );
        let mut attach =
            |number: usize, snapshot: &str, head: OsString, path: &Path, model: DiskModel| {
                let drive = format!(
                    "if=none,id=disk{number},format=raw,discard=unmap,snapshot={snapshot},file="
                );
                let mut drive = OsString::from(drive);
                drive.push(head);
                drive.push(doubled(path));
                add("-drive", drive);
                for device in model.devices(number) {
                    add("-device", device.into());
                }
            };
        let head = match self.damaged_sector {
            Some(_) => {
                let mut head = file("blkdebug:", &folder.join("faults"));
                head.push(":");
                head
            }
            None => OsString::new(),
        };
        attach(0, snapshot, head, image, self.disk_model);
        for (number, (path, model)) in (1..).zip(&self.further_disks) {
            attach(number, "on", OsString::new(), path, *model);
        }
        if self.counts_instructions {
            add("-icount", "shift=0,sleep=off".into());
        }
        let (netdev, mac) = self.cable.netdev(&forwards);
        add("-netdev", netdev);
        // Without its ROM the card is no boot device, which saves the firmware the attempt.
        let rom = if self.nic_rom { "" } else { ",romfile=" };
        let card = format!("{},netdev=net,mac={mac}{rom}", self.nic);
        add("-device", card.into());
        add("-device", "virtio-rng-pci".into());
        add("-chardev", "stdio,id=serial,signal=off".into());
        add("-serial", "chardev:serial".into());
        add(
            "-chardev",
            file(
                "socket,id=qmp,server=on,wait=off,path=",
                &folder.join("qmp"),
            ),
        );
        add("-mon", "chardev=qmp,mode=control".into());
        list.extend(["-nodefaults".into(), "-no-user-config".into()]);
        list
    }
}

/// A path as QEMU's option lists want it: with every comma doubled.
fn doubled(path: &Path) -> OsString {
    match path.to_str() {
        Some(text) => text.replace(',', ",,").into(),
        None => path.into(),
    }
}

/// Connects to QEMU's control socket as soon as it is there.
fn connect(guest: &Guest) -> Result<Qmp, Error> {
    let start = Instant::now();
    loop {
        match Qmp::connect(&guest.control_path()) {
            Ok(qmp) => return Ok(qmp),
            Err(_) if guest.is_running() && start.elapsed() < SETUP => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(_) if !guest.is_running() => return Err(Error::Ended(guest.messages())),
            Err(error) => return Err(error),
        }
    }
}

/// Asks QEMU which host ports it really listens on.
fn forwarded(qmp: &mut Qmp, wanted: &[Forward]) -> Result<Vec<Forward>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let table = qmp.human("info usernet")?;
    let found = listeners(&table);
    if wanted
        .iter()
        .all(|wanted| found.iter().any(|found| found.guest == wanted.guest))
    {
        Ok(found)
    } else {
        Err(Error::Control(format!(
            "it does not list all forwarded ports:\n{table}"
        )))
    }
}

/// The forwarded ports in the table of `info usernet`:
/// `TCP[HOST_FORWARD]  12       127.0.0.1 40517       10.0.2.15   977     0     0`.
fn listeners(table: &str) -> Vec<Forward> {
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line
                .trim()
                .strip_prefix("TCP[HOST_FORWARD]")?
                .split_whitespace();
            let host = fields.nth(2)?.parse().ok()?;
            let guest = fields.nth(1)?.parse().ok()?;
            Some(Forward { host, guest })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_says_what_was_asked() {
        let machine = Machine::new("x")
            .cores(4)
            .memory(256)
            .nic("e1000e")
            .forward(0, 977);
        let machine = machine
            .guest_address([10, 0, 2, 20].into())
            .disk(Disk::Keep)
            .disk_model(DiskModel::Nvme)
            .damaged_sector(7)
            .further_disk("/j,1.img", DiskModel::Ahci)
            .further_disk("/k", DiskModel::Scsi);
        let paths = [Path::new("/a,b/code"), Path::new("/t"), Path::new("/i.img")];
        let line = machine.arguments(Accel::Tcg, paths[0], paths[1], paths[2]);
        let line: Vec<_> = line.iter().map(|word| word.to_str().unwrap()).collect();
        for (option, value) in [
            ("-smp", "4"),
            ("-m", "256"),
            ("-machine", "q35,accel=tcg"),
            (
                "-netdev",
                "user,id=net,hostfwd=tcp:127.0.0.1:0-10.0.2.20:977",
            ),
            (
                "-device",
                "e1000e,netdev=net,mac=52:54:00:12:34:56,romfile=",
            ),
            ("-drive", "if=pflash,format=raw,readonly=on,file=/a,,b/code"),
            (
                "-drive",
                "if=none,id=disk0,format=raw,discard=unmap,snapshot=off,file=blkdebug:/t/faults:/i.img",
            ),
            ("-device", "nvme,drive=disk0,serial=basalt-0,bootindex=0"),
            (
                "-drive",
                "if=none,id=disk1,format=raw,discard=unmap,snapshot=on,file=/j,,1.img",
            ),
            (
                "-device",
                "ide-hd,drive=disk1,serial=basalt-1,bootindex=1,bus=ide.1",
            ),
            ("-device", "virtio-scsi-pci,id=bus2"),
            (
                "-device",
                "scsi-hd,drive=disk2,serial=basalt-2,bootindex=2,bus=bus2.0",
            ),
        ] {
            assert!(
                line.windows(2).any(|pair| pair == [option, value]),
                "{option} {value}"
            );
        }
    }

    #[test]
    fn forwarded_ports_are_read_from_qemus_table() {
        let table = "Hub -1 (net):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  \
                     Port RecvQ SendQ\r\n  TCP[HOST_FORWARD]  13       127.0.0.1 40517       \
                     10.0.2.15   977     0     0\r\n  UDP[236 sec]  14 10.0.2.15 68 10.0.2.2 67 0 0\r\n";
        assert_eq!(
            listeners(table),
            [Forward {
                host: 40517,
                guest: 977
            }]
        );
    }
}
