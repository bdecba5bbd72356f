//! Nodes to test: a process of this host, or the image booted in QEMU.

pub(crate) mod citizen;
pub(crate) mod guest;
pub(crate) mod hosted;
pub(crate) mod lossy;
mod program;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use basalt_net::Keypair;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::client::peer::Peer;
use crate::target::Target;

/// Where a node runs; it ends when dropped.
pub(crate) trait Host: Send + Sync {
    /// The last lines it logged, for the report of a failure.
    fn tail(&self) -> String;
    /// The process of this host that it runs in.
    fn process_id(&self) -> u32;
    /// Whether that has not ended.
    fn is_running(&self) -> bool;
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

/// Fetches a page of the operator's.
pub(crate) fn page(address: SocketAddr, path: &str) -> Result<String> {
    http(
        address,
        &format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"),
    )
}

/// Sends an HTTP request that asks to close the connection; returns the body of a good answer.
fn http(address: SocketAddr, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok(body.to_owned())
}

/// The seed of the key that manages the nodes.
pub(crate) const OPERATOR: [u8; 32] = [0x09; 32];

/// The manifest of a node that dials `bootstrap`, with more lines for its `[network]`.
fn manifest(seed: Option<[u8; 32]>, bootstrap: &[String], network: &str) -> String {
    let seed = seed.map(|seed| format!("seed = \"{}\"\n", BASE64_STANDARD.encode(seed)));
    let operator = Keypair::from_seed(OPERATOR).peer_id();
    format!(
        "[node]\n{}management_peer_id = \"{operator}\"\nbootstrap = {bootstrap:?}\n\n[network]\n{network}",
        seed.unwrap_or_default()
    )
}
