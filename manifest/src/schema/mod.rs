//! The table of keys: one row for each key of the manifest.
//!
//! All that is said about a key is said in its row. From the rows come the reading and its
//! messages, the nearest valid key, the page with the configuration, `manifest/example.toml` and
//! the reference in `docs/manifest.md`.
//!
//! To add a key: add its row, add its field to the model, use it, and run
//! `BASALT_BLESS=1 cargo test -p basalt-manifest`, which writes example and reference anew.

mod chain;
mod joined;
pub(crate) mod key;
mod machine;
mod network;
mod node;
mod particles;
mod prover;
mod services;
mod tls;

pub use key::{Fallback, Key, Secret, Section};

pub use crate::kind::{Check, Kind};

/// All sections, in the order of the documentation.
pub const SECTIONS: &[Section] = &[
    node::NODE,
    network::NETWORK,
    tls::TLS,
    machine::CORES,
    services::SERVICES,
    particles::PARTICLES,
    machine::HTTP,
    machine::DISK,
    prover::PROVER,
    chain::CHAIN,
    machine::LOG,
    machine::PANIC,
];

/// Looks a section up.
#[must_use]
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}
