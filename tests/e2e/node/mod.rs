//! Nodes to test: a process of this host, or the image booted in QEMU.

pub(crate) mod citizen;
pub(crate) mod guest;
pub(crate) mod hosted;

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::client::peer::Peer;
use crate::target::Target;

/// Where a node runs; it ends when dropped.
pub(crate) trait Host: Send + Sync {
    /// The last lines it logged, for the report of a failure.
    fn tail(&self) -> String;
}

/// A listening node together with the peer that its manifest tells it to dial.
pub(crate) struct Station {
    /// The node, as clients see it.
    pub(crate) target: Target,
    /// The rust-libp2p peer in the node's bootstrap list.
    pub(crate) bootstrap: Arc<Peer>,
    /// Where the node runs.
    pub(crate) host: Box<dyn Host>,
}

/// The manifest of a node that dials `bootstrap`, with more lines for its `[network]`.
fn manifest(seed: Option<[u8; 32]>, bootstrap: &[String], network: &str) -> String {
    let seed = seed.map(|seed| format!("seed = \"{}\"\n", BASE64_STANDARD.encode(seed)));
    format!(
        "[node]\n{}bootstrap = {bootstrap:?}\n\n[network]\n{network}",
        seed.unwrap_or_default()
    )
}
