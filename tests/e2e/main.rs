//! End-to-end tests: real clients that nobody here wrote talk to real nodes.
//!
//! * `client`: the npm js-client and a rust-libp2p peer
//! * `target`: a node that listens: a hosted process, or the image booted in QEMU
//! * `suite`: what a target owes to its clients, as functions over it
//! * `trial`: the plan: which suite judges which target, in which order, with how many boots
//! * `lanes`: which of them run beside each other
//! * `matrix`: which hardware that was
//!
//! It takes the arguments of any Rust test binary (`cargo test -p basalt-tests -- FILTER`), and
//! prints how long each suite took.

mod client;
mod lanes;
mod matrix;
mod node;
mod proxy;
mod suite;
mod target;
mod trial;

use std::process::ExitCode;
use std::time::Duration;

/// How long a trial waits for anything that has to come. Only a failure takes as long, so it is far
/// more than a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    trial::run(libtest_mimic::Arguments::from_args())
}
