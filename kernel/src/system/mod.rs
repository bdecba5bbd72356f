//! What runs: bringing the machine up, then one loop per core.
//!
//! [`bring_up`] is the order of things; [`devices`] finds and opens them; [`disks`] are the disks
//! and [`state`] finds the node's partition on them, [`disk_test`] tests them; [`compute`] is the
//! loop of a compute core and the queue to it, [`selftest`] its first job; [`network`] is the
//! system core's loop, [`metrics`] what it tells of the machine, [`network_test`] measures TCP
//! instead, [`platform`] is what services get from the machine, [`system_core`] how the other cores
//! wake the system core.

pub mod compute;
pub mod devices;
pub mod disk_test;
pub mod disks;
pub mod job_stack;
pub mod metrics;
pub mod network;
pub mod network_test;
pub mod platform;
pub mod selftest;
pub mod state;
pub mod storage;
pub mod system_core;

mod bring_up;

pub use self::bring_up::{Ready, bring_up, bring_up_for};
