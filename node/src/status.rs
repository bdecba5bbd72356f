//! What the operator can see of a running node.

use alloc::string::String;

/// The result of a core's self-test at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreReport {
    /// Number of the core.
    pub core: usize,
    /// Whether it may be trusted with work.
    pub passed: bool,
    /// What was measured or what failed, in one line.
    pub summary: String,
}

/// A device in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReport {
    /// `network` or `disk`.
    pub kind: &'static str,
    /// What it is and where.
    pub name: String,
    /// Whether the firmware drives it for want of a driver: slower, and a core less.
    pub degraded: bool,
}
