//! rust-libp2p peers that take part in Kademlia, with the behaviours that nox has, over TCP and
//! WebSocket: of the version that nox is built with, and of the current one.

mod current;
mod nox;

use anyhow::{Context as _, Result};
use basalt_net::Multiaddr;
use basalt_net::peer_id::PeerId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Version;

enum Command {
    Dial(Multiaddr),
    /// Search a peer; the answer is whom the search came to, closest first.
    Find(PeerId, oneshot::Sender<Vec<PeerId>>),
}

/// A running citizen; it ends when dropped.
pub(crate) struct Citizen {
    /// Its id.
    pub(crate) id: PeerId,
    /// Where it listens for TCP, with its id.
    pub(crate) address: Multiaddr,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

impl Drop for Citizen {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Citizen {
    /// Starts a peer of the network whose Kademlia speaks `protocol`.
    pub(crate) async fn start(version: Version, protocol: &'static str) -> Result<Self> {
        let (commands, orders) = mpsc::unbounded_channel();
        let (address, task) = match version {
            Version::Nox => nox::citizen::start(protocol, orders).await?,
            Version::Current => current::citizen::start(protocol, orders).await?,
        };
        let address: Multiaddr = address.parse()?;
        Ok(Self {
            id: address.peer_id().context("an address without a peer")?,
            address,
            commands,
            task,
        })
    }

    /// Dials an address.
    pub(crate) fn dial(&self, address: &Multiaddr) -> Result<()> {
        let order = Command::Dial(address.clone());
        self.commands.send(order).ok().context("the swarm ended")
    }

    /// Searches the peers closest to `target`.
    pub(crate) async fn find(&self, target: PeerId) -> Result<Vec<PeerId>> {
        let (answer, found) = oneshot::channel();
        let order = Command::Find(target, answer);
        self.commands.send(order).ok().context("the swarm ended")?;
        found.await.context("the search ended without a result")
    }
}
