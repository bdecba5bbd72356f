//! Attacks on a node that somebody else has booted.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use basalt_net::peer_id::PeerId;

use crate::attack::Times;
use crate::attacks;
use crate::node::Node;
use crate::verdict::Bounds;
use crate::{Home, Stand, confined, made};

/// A node in a machine that a process of this host emulates. Its operator is the one of the lab's
/// nodes.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Its peer id.
    pub peer: PeerId,
    /// Where it listens.
    pub tcp: SocketAddr,
    /// Where it listens for WebSocket.
    pub websocket: SocketAddr,
    /// Where its pages are.
    pub pages: SocketAddr,
    /// The process that emulates it.
    pub process: u32,
}

impl Elsewhere {
    /// Makes attacks, of a size each, one after the other. Each is told, as a line that says how it
    /// went and whether it was survived; one that was not ends the row.
    ///
    /// # Errors
    /// No attack has such a name, or the node serves nobody before the first.
    pub fn attack(&self, chosen: &[(&str, usize)], mut tell: impl FnMut(&str, bool)) -> Result<()> {
        confined::allow_many_files();
        let all = attacks::all();
        let times = Times::EMULATED;
        let mut stand = Stand::watched(Node::elsewhere(self), Home::Shared, times.quiet)?;
        for (name, size) in chosen {
            let attack = all.iter().find(|attack| attack.name == *name);
            let attack = attack.with_context(|| format!("no attack {name}"))?;
            let (measured, _) = made(attack, *size, &mut stand, &times, &Bounds::EMULATED)?;
            let line = format!("{:<24} {measured}", format!("{name} {size}"));
            tell(&line, measured.survived());
            if !measured.survived() {
                break;
            }
        }
        Ok(())
    }
}
