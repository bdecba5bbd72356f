//! Sections `[cores]`, `[http]`, `[disk]`, `[log]` and `[panic]`.

use alloc::string::String;

use log::LevelFilter;

use crate::words::words;

/// Section `[cores]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// Number of cores for network and node; at least 1.
    pub system: u16,
    /// Which of the remaining cores compute.
    pub compute: Compute,
    /// How many of these are set aside for services of the node itself; 0: they share all.
    pub host_services: u16,
}

impl Default for Cores {
    fn default() -> Self {
        Self {
            system: 1,
            compute: Compute::All,
            host_services: 0,
        }
    }
}

impl Cores {
    /// Number of compute cores on a machine with `cores` cores that passed
    /// [`check`](crate::Manifest::check).
    #[must_use]
    pub fn compute_on(&self, cores: usize) -> usize {
        let left = cores.saturating_sub(usize::from(self.system));
        match self.compute {
            Compute::All => left,
            Compute::Count(count) => left.min(usize::from(count)),
        }
    }
}

/// Which cores compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// All that the system does not use.
    #[default]
    All,
    /// That many.
    Count(u16),
}

/// Section `[http]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Port of the operator's pages; absent: they are not served.
    pub port: Option<u16>,
}

/// Section `[disk]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Serial number or place on the bus of the disk with the state; absent: the one disk that has
    /// a state partition.
    pub state: Option<String>,
    /// Whether that disk may be formatted although it holds something else. Only with `state`.
    pub format: bool,
    /// What is done with the disks instead of running a node.
    pub test: DiskTest,
}

/// What is done with the disks instead of running a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskTest {
    /// Nothing: the node runs.
    #[default]
    None,
    /// Batches are committed to the state for ever, and checked at the next boot.
    Load,
    /// Reads are measured on every disk.
    Speed,
}

/// Section `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The finest level that is written.
    pub level: LevelFilter,
    /// The peer or particle whose every step is written.
    pub trace: Option<String>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LevelFilter::Info,
            trace: None,
        }
    }
}

/// Section `[panic]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    /// What the machine does after the report of a panic.
    pub action: PanicAction,
}

/// What the machine does after the report of a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicAction {
    /// Start again.
    #[default]
    Reset,
    /// Stay, with the report on the screen.
    Halt,
}

words!(DiskTest: None = "none", Load = "load", Speed = "speed");
words!(PanicAction: Reset = "reset", Halt = "halt");
words!(LevelFilter:
    Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace"
);
