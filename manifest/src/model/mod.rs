//! The manifest as plain, checked data. One file for each group of sections.

mod chain;
mod machine;
mod network;
mod node;
mod prover;
mod services;

pub use chain::Chain;
pub use machine::{Compute, Cores, Disk, DiskTest, Http, Log, Panic, PanicAction};
pub use network::{Addressing, Network, StaticAddress, StaticAddress6, Tls};
pub use node::{NetworkId, Node, Seed};
pub use prover::{Prover, ProverMode, Registers};
pub use services::{Effector, Particles, Reach, Run, Services, Share};

use crate::source::Place;

/// A manifest whose every value was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Who the node is and whom it knows.
    pub node: Node,
    /// How the node is reached.
    pub network: Network,
    /// Certificates.
    pub tls: Tls,
    /// What the cores do.
    pub cores: Cores,
    /// What services may use.
    pub services: Services,
    /// What the particles of others may use.
    pub particles: Particles,
    /// The operator's pages.
    pub http: Http,
    /// Which disk holds the state.
    pub disk: Disk,
    /// What is proven.
    pub prover: Prover,
    /// Where deals are; absent: the node serves none.
    pub chain: Option<Chain>,
    /// What is logged.
    pub log: Log,
    /// What happens after a panic.
    pub panic: Panic,
    /// Where the values stand that only the machine can judge.
    pub(crate) places: Places,
}

/// Where the values stand that [`Manifest::check`] judges; `None` where a default is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) system: Option<Place>,
    pub(crate) compute: Option<Place>,
}
