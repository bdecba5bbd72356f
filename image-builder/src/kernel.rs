//! Builds the kernel with Cargo.
//!
//! The kernel has an invocation of its own: in a common one Cargo would unify its dependencies'
//! features with the host tools', and `std` would leak in. It also has a target directory of its
//! own, so that an outer Cargo (`cargo run`, `cargo test`) and this one never wait for each other's
//! lock.

use core::fmt;
use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// What becomes of Cargo's own messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// They are shown as they come.
    Shown,
    /// They are shown only in the error, if there is one.
    OnError,
}

/// Why there is no kernel.
#[derive(Debug)]
pub enum Error {
    /// Cargo could not be started.
    Start(PathBuf, io::Error),
    /// Cargo failed; what it said, unless that was shown.
    Failed(String),
    /// Cargo's answer had no such thing in it.
    Missing(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(cargo, error) => {
                write!(
                    f,
                    "{} cannot be started: {error}; is Rust installed?",
                    cargo.display()
                )
            }
            Self::Failed(said) if said.is_empty() => {
                f.write_str("the kernel does not build, see Cargo's messages above")
            }
            Self::Failed(said) => write!(f, "the kernel does not build:\n{said}"),
            Self::Missing(what) => write!(f, "Cargo's answer does not name {what}"),
        }
    }
}

impl core::error::Error for Error {}

/// The appliance.
const KERNEL: &str = "basalt-kernel";
/// The same kernel with recorded vectors to replay in place of the node.
const SELF_TEST: &str = "basalt-self-test";

/// How a kernel is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Optimised as a whole: what is installed, and what is tested.
    Release,
    /// Built in a third of the time, for trying it. It says QUICK with its version.
    Quick,
}

impl Profile {
    /// Cargo's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Release => "kernel",
            Self::Quick => "quick",
        }
    }
}

/// What a quick kernel says, and so has in it.
const QUICK: &[u8] = concat!(env!("CARGO_PKG_VERSION"), " QUICK").as_bytes();

/// Whether a kernel, ELF file or UEFI application, was built quickly.
#[must_use]
pub fn is_quick(kernel: &[u8]) -> bool {
    kernel.windows(QUICK.len()).any(|bytes| bytes == QUICK)
}

/// The workspace that this tool was built from.
fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Builds the kernel and returns the path of its ELF file.
///
/// # Errors
/// When Cargo cannot be started or fails.
pub fn build(profile: Profile, messages: Messages) -> Result<PathBuf, Error> {
    build_package(KERNEL, profile, messages)
}

/// Builds the program of the self-test image, as the kernel is built that is installed, and returns
/// the path of its ELF file.
///
/// # Errors
/// When Cargo cannot be started or fails.
pub fn build_self_test(messages: Messages) -> Result<PathBuf, Error> {
    build_package(SELF_TEST, Profile::Release, messages)
}

fn build_package(package: &str, profile: Profile, messages: Messages) -> Result<PathBuf, Error> {
    let target = target_directory()?.join("kernel");
    let mut cargo = command();
    cargo
        .args([
            "build",
            "--package",
            package,
            "--bin",
            package,
            "--profile",
            profile.name(),
        ])
        .arg("--message-format=json-render-diagnostics")
        .arg("--target-dir")
        .arg(target);
    if messages == Messages::Shown {
        cargo.stderr(Stdio::inherit());
    }
    let answer = run(cargo)?;
    answer
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == package)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or(Error::Missing("the kernel's executable"))
}

/// The workspace's target directory, wherever the user's configuration puts it.
fn target_directory() -> Result<PathBuf, Error> {
    let mut cargo = command();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    let answer = run(cargo)?;
    serde_json::from_str::<serde_json::Value>(&answer)
        .ok()
        .and_then(|metadata| metadata["target_directory"].as_str().map(PathBuf::from))
        .ok_or(Error::Missing("the target directory"))
}

fn command() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    // What an outer Cargo sets for the program it runs is not meant for its kernel's build.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

fn run(mut command: Command) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    command.stdout(Stdio::piped());
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| Error::Start(program, error))?;
    if !status.success() {
        return Err(Error::Failed(String::from_utf8_lossy(&stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}
