//! The node's rooms put together: who owns what, and which room gets what comes back from outside.
//!
//! Each room (services, spells, workers, vaults, chain, files by CID, installer) owns its state and
//! knows only rooms below it. Here they are held and what they have to do with each other is
//! routed; built-in functions stand above.
//!
//! | module | what it knows |
//! |---|---|
//! | `held` | all rooms, and who gets what comes from outside |
//! | `jobs`, `followup` | what follows a job of a compute core or of the disk |
//! | `changes`, `change` | changes of what outlives a reboot, one after another |
//! | `calls` | what built-in functions begin |
//! | `install` | the steps of the installation of system services |

mod calls;
mod change;
mod changes;
mod followup;
mod held;
mod install;
mod jobs;

pub use held::{Parts, Rooms};
