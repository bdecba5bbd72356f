//! A program under limits: this program sets them for itself and becomes the other.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The word that makes this program such a one; what follows are MiB of address space, open files,
/// the program and its arguments.
pub(crate) const WORD: &str = "confined";

/// Becomes the program; returns if it cannot.
pub(crate) fn become_program(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (Some(mebibytes), Some(files)) = (number(), number()) else {
        return ExitCode::FAILURE;
    };
    let Some(program) = arguments.next() else {
        return ExitCode::FAILURE;
    };
    for (resource, most) in [
        (Resource::As, mebibytes << 20),
        (Resource::Nofile, files),
        (Resource::Core, 0),
    ] {
        let hard = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Some(most.min(hard));
        let limit = Rlimit {
            current: limit,
            maximum: limit,
        };
        if let Err(error) = setrlimit(resource, limit) {
            eprintln!("cannot set a limit: {error}");
            return ExitCode::FAILURE;
        }
    }
    let error = Command::new(program).args(arguments).exec();
    eprintln!("cannot start the node: {error}");
    ExitCode::FAILURE
}

/// Both ends of more connections than a node lets in.
pub(crate) fn allow_many_files() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum.map(|most| most.min(65_536)),
        ..limits
    };
    // With fewer files some attacks are weaker; they say so by what is counted.
    let _ = setrlimit(Resource::Nofile, raised);
}
