//! Finds out whether KVM can be used.
//!
//! A machine can have a `/dev/kvm` that opens and still runs no guest, or runs it slower than an
//! emulator: inside some containers and virtual machines that is so. Only a guest that ran tells.

use core::{fmt, str::FromStr};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    process::Stdio,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::{Error, child};

/// How the guest's instructions are executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accel {
    /// By the processor where that works, else emulated.
    #[default]
    Auto,
    /// By the processor, through Linux's KVM.
    Kvm,
    /// Emulated.
    Tcg,
}

impl FromStr for Accel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            _ => Err("it is \"auto\", \"kvm\" or \"tcg\"".into()),
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        })
    }
}

/// The processor model of guests under an accelerator.
pub(crate) fn processor(accel: Accel) -> &'static str {
    match accel {
        Accel::Kvm => "host",
        Accel::Auto | Accel::Tcg => "max",
    }
}

impl Accel {
    /// What is to be used for `self` on this machine: never [`Accel::Auto`].
    #[must_use]
    pub fn resolve(self, qemu: &Path) -> Self {
        static KVM_WORKS: OnceLock<bool> = OnceLock::new();
        match self {
            Self::Auto => {
                let device = || {
                    OpenOptions::new()
                        .read(true)
                        .write(true)
                        .open("/dev/kvm")
                        .is_ok()
                };
                let works = || device() && kvm_is_fast(qemu).unwrap_or(false);
                if *KVM_WORKS.get_or_init(works) {
                    Self::Kvm
                } else {
                    Self::Tcg
                }
            }
            chosen => chosen,
        }
    }
}

/// The probe's whole life under KVM, unless the emulator takes long as well; either needs a
/// fraction of a second.
const LIMIT: Duration = Duration::from_secs(3);

/// The probe's whole life where nothing else is left: a busy machine takes long to start a process.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many times longer than the emulator KVM may take for the probe. A guest so short is mostly
/// the start of the process, so a good KVM is hardly faster. One in a virtual machine whose host
/// emulates it took 20 times as long, and never got through the firmware.
const SLOWEST: u32 = 3;

/// Whether KVM runs the probe, and is no slower than the emulator.
fn kvm_is_fast(qemu: &Path) -> Result<bool, Error> {
    let emulated = runs_for(qemu, Accel::Tcg, PATIENCE)?;
    let slowest = emulated.map(|time| time * SLOWEST);
    let kvm = runs_for(qemu, Accel::Kvm, slowest.unwrap_or(LIMIT).max(LIMIT))?;
    Ok(match (kvm, slowest) {
        (Some(kvm), Some(slowest)) => kvm <= slowest,
        (kvm, _) => kvm.is_some(),
    })
}

/// What the guest tells through the debug exit device.
const TOLD: u8 = 0x2a;

/// A boot sector that tells: `mov dx, 0xf4; mov al, TOLD; out dx, al; hlt; jmp $-1`.
const CODE: [u8; 9] = [0xba, 0xf4, 0x00, 0xb0, TOLD, 0xee, 0xf4, 0xeb, 0xfd];

/// Boots a tiny guest and says whether it really ran.
///
/// # Errors
/// When the guest cannot even be started.
pub fn runs(qemu: &Path, accel: Accel) -> Result<bool, Error> {
    Ok(runs_for(qemu, accel, PATIENCE)?.is_some())
}

/// Boots the tiny guest; how long it took until it told that it ran. None after `limit`.
fn runs_for(qemu: &Path, accel: Accel, limit: Duration) -> Result<Option<Duration>, Error> {
    let folder = tempfile::tempdir().map_err(Error::host("a temporary folder"))?;
    let disk = folder.path().join("probe");
    let mut sector = [0; 512];
    sector[..CODE.len()].copy_from_slice(&CODE);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    File::create(&disk)
        .and_then(|mut file| file.write_all(&sector))
        .map_err(Error::host("the probe's disk"))?;
    let mut command = child::command(qemu);
    command
        .args([
            "-machine",
            &format!("pc,accel={accel}"),
            "-cpu",
            processor(accel),
            "-m",
            "16",
        ])
        .args(["-nodefaults", "-display", "none", "-no-reboot"])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"])
        .arg("-drive")
        .arg(format!("file={},format=raw,if=ide", disk.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut process = child::spawn(command).map_err(Error::host("QEMU cannot be started"))?;
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Ok(Some(status)) = process.try_wait() {
            // The device makes QEMU exit with twice the value plus one.
            let ran = status.code() == Some(i32::from(TOLD) * 2 + 1);
            return Ok(ran.then(|| start.elapsed()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    // It may just have ended by itself; in any case it is reaped.
    let _ = process.kill();
    let _ = process.wait();
    Ok(None)
}
