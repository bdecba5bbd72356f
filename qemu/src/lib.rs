//! Boots disk images in QEMU and watches what they say.
//!
//! Layers, from the inside out:
//!
//! * [`tools`]: finds QEMU and the UEFI firmware, or installs them;
//! * [`accel`]: finds out with a real guest whether KVM can be used;
//! * `child`: starts processes that never outlive this one;
//! * [`qmp`]: QEMU's control connection;
//! * [`serial`]: the guest's serial line, kept line by line;
//! * [`verdict`]: what a Basalt kernel says in its serial lines;
//! * [`Machine`]: a machine's description; [`Guest`]: a running one.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use basalt_qemu::{Machine, Verdict};
//! let guest = Machine::new("basalt.img").cores(2).forward(0, 977).start()?;
//! if let Verdict::Listening(node) = guest.wait_for_verdict(Duration::from_secs(120))? {
//!     println!("{} at {}", node.peer_id, guest.forwarded(977).unwrap());
//! }
//! # Ok::<(), basalt_qemu::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod accel;
mod child;
mod error;
mod guest;
mod machine;
pub mod qmp;
pub mod serial;
pub mod tools;
pub mod verdict;

pub use accel::Accel;
pub use error::Error;
pub use guest::Guest;
pub use machine::{Cable, Disk, DiskModel, Echo, Machine};
pub use tools::{Firmware, Tools};
pub use verdict::{Listening, Verdict};
