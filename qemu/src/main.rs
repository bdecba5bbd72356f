//! `basalt-qemu`: builds an image, boots it, and says how to talk to the node. `cargo run` is this.
#![forbid(unsafe_code)]

mod cli;
mod talk;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use basalt_image_builder::{
    Image,
    kernel::{self, Messages, Profile},
    services,
};
use basalt_manifest::{Addressing, Manifest};
use basalt_qemu::{Echo, Error, Guest, Machine, Verdict, tools::Named};
use clap::Parser;
use cli::Arguments;

/// The manifest of `cargo run` without arguments.
const DEMO: &str = include_str!("../demo.toml");

/// Ports that are forwarded to an image whose manifest is not known: the manifest's defaults.
const PORTS: [u16; 2] = [977, 999];

/// Exit status of a process that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (image, manifest) = match &arguments.image {
        Some(image) => (image.clone(), None),
        None => build(arguments).map(|(image, manifest)| (image, Some(manifest)))?,
    };
    let machine = machine(arguments, &image, manifest.as_ref());
    let guest = Arc::new(machine.start()?);
    let interrupted = end_on_ctrl_c(&guest)?;
    eprintln!(
        "booting {} in QEMU (process {}, {}); Ctrl-C ends it",
        image.display(),
        guest.process_id(),
        guest.accel()
    );
    let result = watch(arguments, &guest);
    // The handler of Ctrl-C holds the guest too, so it is not dropped with this function.
    guest.quit().context("QEMU does not end")?;
    if interrupted.load(SeqCst) {
        eprintln!("ended");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    result
}

/// Builds the image of the given manifest, or the demonstration's, in the target directory.
fn build(arguments: &Arguments) -> anyhow::Result<(PathBuf, Manifest)> {
    let (name, text) = match &arguments.manifest {
        Some(path) => {
            let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
            (path.display().to_string(), text?)
        }
        None => ("the demonstration's manifest".into(), DEMO.into()),
    };
    let manifest = Manifest::from_bytes(&text)
        .map_err(|problems| anyhow!("{name} has {} problem(s)\n{problems}", problems.count()))?;
    let kernel = match &arguments.kernel {
        Some(path) => path.clone(),
        None => {
            let profile = profile();
            match profile {
                Profile::Release => eprintln!("building the kernel"),
                Profile::Quick => eprintln!(
                    "building the kernel QUICK, not optimised as a whole; `cargo run --release` builds the one to install"
                ),
            }
            kernel::build(profile, Messages::Shown)?
        }
    };
    let elf = fs::read(&kernel).with_context(|| format!("{} cannot be read", kernel.display()))?;
    let image = Image::new(&elf, &text, Some(services::published()?))
        .with_context(|| format!("{} cannot be made into an image", kernel.display()))?;
    let path = kernel.with_file_name("basalt.img");
    image
        .write(&path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok((path, manifest))
}

/// The kernel's profile goes with this program's own: `cargo run` is quick, `cargo run --release`
/// is not.
fn profile() -> Profile {
    if cfg!(debug_assertions) {
        Profile::Quick
    } else {
        Profile::Release
    }
}

fn machine(arguments: &Arguments, image: &Path, manifest: Option<&Manifest>) -> Machine {
    let environment = Named::from_environment();
    let mut machine = Machine::new(image)
        .disk(arguments.fate_of_disk())
        .disk_model(arguments.disk)
        .cores(arguments.cores)
        .memory(arguments.memory)
        .nic(&arguments.nic)
        .nic_rom(arguments.nic_rom)
        .display(&arguments.display)
        .accel(arguments.accel)
        .echo(if arguments.quiet {
            Echo::Silent
        } else {
            Echo::Stdout
        })
        .tools(Named {
            qemu: arguments.qemu.clone().or(environment.qemu),
            code: arguments.ovmf_code.clone().or(environment.code),
            vars: arguments.ovmf_vars.clone().or(environment.vars),
        });
    if let Some(Addressing::Static(fixed)) = manifest.map(|manifest| &manifest.network.addressing) {
        machine = machine.guest_address(fixed.address);
    }
    let ports = match manifest {
        Some(manifest) => [manifest.network.tcp_port, manifest.network.websocket_port],
        None => PORTS,
    };
    let given = |port| {
        arguments
            .forward
            .iter()
            .any(|forward| forward.guest == port)
    };
    for port in ports.into_iter().filter(|port| !given(*port)) {
        machine = machine.forward(0, port);
    }
    arguments.forward.iter().fold(machine, |machine, forward| {
        machine.forward(forward.host, forward.guest)
    })
}

/// Ends the guest, and with it all waiting, when the user or the system asks this process to end.
fn end_on_ctrl_c(guest: &Arc<Guest>) -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let (flag, guest) = (Arc::clone(&interrupted), Arc::clone(guest));
    ctrlc::set_handler(move || {
        flag.store(true, SeqCst);
        // If it cannot be waited for, it is gone.
        let _ = guest.quit();
    })?;
    Ok(interrupted)
}

/// Waits for the node, says how to reach it, and stays with it until it ends.
fn watch(arguments: &Arguments, guest: &Guest) -> anyhow::Result<ExitCode> {
    let limit = Duration::from_secs(arguments.timeout);
    let node = match guest.wait_for_verdict(limit)? {
        Verdict::Listening(node) => node,
        Verdict::NotStarted(advice) => bail!("the node was not started, see above: {advice}"),
        Verdict::Panic(reason) => bail!("the kernel failed: {reason}"),
        Verdict::Halted => bail!("the kernel has halted, see above"),
    };
    let addresses = talk::outside(&node, |port| guest.forwarded(port));
    print!("{}", talk::summary(&node, &addresses));
    if arguments.exit_after_listen {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}\nCtrl-C ends it.", talk::how_to_talk(&addresses));
    let mut mark = guest.serial().mark();
    loop {
        match guest.wait_for_verdict_from(mark, Duration::from_secs(3600)) {
            Err(Error::Timeout(..)) => {}
            Err(error) => return Err(error.into()),
            Ok(Verdict::Panic(reason)) => eprintln!("the kernel failed: {reason}"),
            Ok(Verdict::Listening(_)) => eprintln!("the node listens again"),
            Ok(verdict) => eprintln!("the kernel says: {verdict:?}"),
        }
        mark = guest.serial().mark();
    }
}
