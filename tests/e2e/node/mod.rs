//! Nodes to test: as a process of this host, or booted in QEMU.

pub(crate) mod hosted;

use anyhow::Result;
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
    pub(crate) bootstrap: Peer,
    /// Where the node runs.
    pub(crate) host: Box<dyn Host>,
}

/// The manifest's text for a node that dials `bootstrap`; ports as given.
pub(crate) fn manifest(bootstrap: &[String], tcp_port: u16, websocket_port: u16) -> Result<String> {
    let seed: Vec<u8> = (0..2)
        .flat_map(|_| *uuid::Uuid::new_v4().as_bytes())
        .collect();
    Ok(format!(
        "[node]\nseed = \"{}\"\nbootstrap = {}\n\n\
         [network]\ntcp_port = {tcp_port}\nwebsocket_port = {websocket_port}\n\n\
         [log]\nlevel = \"info\"\n",
        BASE64_STANDARD.encode(&seed),
        serde_json::to_string(bootstrap)?,
    ))
}
