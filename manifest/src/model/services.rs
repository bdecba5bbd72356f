//! Sections `[services]` and `[particles]`.

use alloc::{string::String, vec::Vec};

use crate::words::words;

/// Section `[services]`. What is absent follows from the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Memory of all services together, in MiB.
    pub memory: Option<u32>,
    /// Memory of one service, in MiB.
    pub service_memory: Option<u32>,
    /// Seconds without calls after which a service gives up its instances.
    pub rest_seconds: Option<u32>,
    /// Whom services may reach by HTTP.
    pub http: Reach,
    /// Modules that may use programs of the host.
    pub effectors: Vec<Effector>,
}

/// A module that may use programs of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effector {
    /// Its CID: version 1, SHA-256, of one raw block or of several (dag-pb), in base32.
    pub cid: String,
    /// Names of the programs that it may import; not empty.
    pub programs: Vec<String>,
}

/// Whom services may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nobody.
    Off,
    /// Addresses of the public internet.
    #[default]
    Public,
    /// Every address, the provider's own network included.
    All,
}

/// Section `[particles]`: what those of one author, those for one worker, and one run may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Particles {
    /// Of one author.
    pub author: Share,
    /// For one worker.
    pub worker: Share,
    /// One run of a script.
    pub run: Run,
}

/// What one run of a script may take; what is absent is the node's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Milliseconds.
    pub time: Option<u32>,
    /// Milliseconds beside it for each MiB of the particle.
    pub time_per_mib: Option<u32>,
    /// MiB of memory.
    pub memory: Option<u32>,
    /// Bytes of memory beside it for each byte of the particle.
    pub memory_per_byte: Option<u32>,
}

/// What somebody's particles may take; what is absent is the node's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Particles per second.
    pub rate: Option<u32>,
    /// Particles alive at the same time.
    pub alive: Option<u32>,
    /// Memory of these, in MiB.
    pub memory: Option<u32>,
    /// Percentage of the interpreter's time while others want some.
    pub work: Option<u8>,
}

words!(Reach: Off = "off", Public = "public", All = "all");
