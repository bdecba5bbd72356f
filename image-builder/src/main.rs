//! `basalt-image-builder`: makes images, checks manifests.
#![forbid(unsafe_code)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow, bail};
use basalt_image_builder::{
    Image,
    kernel::{self, Messages, Profile},
    services,
};
use basalt_manifest::{Machine, Manifest};
use clap::{Parser, Subcommand};

/// Makes a bootable disk image of the Basalt kernel and a manifest.
///
/// The image is 70 MiB, boots by UEFI, and is the same, byte for byte, for the same kernel and
/// manifest. Copy it to a disk with `dd`, or boot it in QEMU with `cargo run -- --image FILE`.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a manifest and makes an image of it.
    Build {
        /// The manifest; `docs/manifest.md` lists its keys.
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// Where the image goes; a file that is there is replaced.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// A kernel that is already built: the ELF file, or the UEFI application made of it.
        /// Without it the kernel is built first.
        #[arg(long, value_name = "FILE")]
        kernel: Option<PathBuf>,
    },
    /// Checks a manifest and says all that is wrong with it.
    Check {
        /// The manifest; `docs/manifest.md` lists its keys.
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// Number of cores of the machine it is for, to check its core counts too.
        #[arg(long, value_name = "NUMBER")]
        cores: Option<usize>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Build {
            manifest,
            out,
            kernel,
        } => build(&manifest, &out, kernel.as_deref()),
        Command::Check { manifest, cores } => check(&manifest, cores),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn parse(path: &Path, bytes: &[u8]) -> anyhow::Result<Manifest> {
    Manifest::from_bytes(bytes).map_err(|problems| {
        anyhow!(
            "{} has {} problem(s)\n{problems}",
            path.display(),
            problems.count()
        )
    })
}

fn check(path: &Path, cores: Option<usize>) -> anyhow::Result<()> {
    let manifest = parse(path, &read(path)?)?;
    if let Some(cores) = cores
        && let Err(problems) = manifest.check(&Machine {
            cores,
            memory: u64::MAX,
        })
    {
        bail!(
            "{} does not fit a machine with {cores} cores\n{problems}",
            path.display()
        );
    }
    println!("{} is good", path.display());
    Ok(())
}

fn build(manifest_path: &Path, out: &Path, kernel: Option<&Path>) -> anyhow::Result<()> {
    let manifest = read(manifest_path)?;
    parse(manifest_path, &manifest)?;
    let kernel = match kernel {
        Some(path) => path.to_owned(),
        None => {
            eprintln!("building the kernel");
            kernel::build(Profile::Release, Messages::Shown)?
        }
    };
    let elf = read(&kernel)?;
    if kernel::is_quick(&elf) {
        bail!(
            "{} is a QUICK kernel, which is for trying it in QEMU; leave --kernel out to build the one to install",
            kernel.display()
        );
    }
    eprintln!(
        "making an image of {} ({} KiB)",
        kernel.display(),
        elf.len() / 1024
    );
    let image = Image::new(&elf, &manifest, Some(services::published()?))
        .with_context(|| format!("{} cannot be made into an image", kernel.display()))?;
    image
        .write(out)
        .with_context(|| format!("{} cannot be written", out.display()))?;
    println!("{}  {}", image.hash(), out.display());
    Ok(())
}
