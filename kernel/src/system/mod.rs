//! What runs: bringing the machine up, then one loop per core.
//!
//! [`bring_up`] is the order of things; [`devices`] finds and opens them; [`compute`] is the loop of
//! a compute core and the queue to it, [`selftest`] its first job; [`network`] is the system core's
//! loop, [`platform`] what services get from the machine.

pub mod compute;
pub mod devices;
pub mod network;
pub mod platform;
pub mod selftest;

mod bring_up;

pub use self::bring_up::bring_up;
