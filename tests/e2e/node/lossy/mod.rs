//! The appliance behind a link that loses, delays, reorders and duplicates frames, all in one
//! thread of this process. It is what the kernel drives, without the kernel: node, IP stack and
//! all. At the other end of the link a [`gateway`] joins each TCP connection with one of this
//! host's, so that clients and node need not know of each other's networks.

mod gateway;
#[allow(dead_code, reason = "others use more of it")]
#[path = "../../../../net/tests/link/mod.rs"]
mod link;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use basalt_edge::appliance::{Appliance, Boot};
use basalt_hosted::clock::Clocks;
use basalt_manifest::Manifest;
use basalt_net::ip;
use basalt_net::keypair::Keypair;
use basalt_node::compute::NoPause;
use basalt_node::host::Clock;
use basalt_node::rooms::Parts;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use super::manifest;
use crate::target::{Target, moved, port};
use gateway::{Door, Gateway};
use link::Link;
pub(crate) use link::{Counters, Faults};

/// The node's address on the link, and the gateway's.
const NODE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Memory that the node may use, in bytes: that of a small machine.
const MEMORY: u64 = 128 << 20;
/// Longest sleep when nothing is to be done.
const IDLE: Duration = Duration::from_secs(1);

/// A running node on its link; both end when dropped.
pub(crate) struct Remote {
    /// The node as clients of this host reach it.
    pub(crate) target: Target,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<Outcome>>,
}

/// What the link is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    /// What it carries each way, in Mbit/s.
    pub(crate) rate: u64,
    pub(crate) faults: Faults,
}

/// What was counted until the end.
pub(crate) struct Outcome {
    /// On the link.
    pub(crate) link: Counters,
    /// In the node's IP stack.
    pub(crate) ip: ip::Counters,
}

impl Remote {
    /// Starts a node that dials `bootstrap`, addresses of listeners on this host, over such a link.
    /// The faults and the node's key come of the seed; their moments depend on the host's pace.
    pub(crate) fn start(wire: Wire, seed: u64, bootstrap: &[Multiaddr]) -> Result<Self> {
        let ports: Vec<u16> = bootstrap.iter().map(port).collect::<Result<_>>()?;
        let here = bootstrap
            .iter()
            .zip(&ports)
            .map(|(address, &port)| moved(address, SocketAddr::from((GATEWAY, port))).to_string());
        let identity: [u8; 32] = [seed.to_le_bytes(); 4]
            .concat()
            .try_into()
            .expect("32 bytes");
        let network = format!("address = \"{NODE}/24\"\n");
        let text = manifest(Some(identity), &here.collect::<Vec<_>>(), &network);
        let manifest = Manifest::parse(&text).map_err(|problems| anyhow!("{problems}"))?;
        let clocks = Clocks::start();
        let Clock { now, wall_ms } = clocks.read();
        let boot = Boot {
            now,
            wall_ms,
            seed: identity,
            identity_seed: identity,
            mac: [2, 0, 0, 0, 0, 2],
            memory: MEMORY,
            version: env!("CARGO_PKG_VERSION").into(),
        };

        let door = |port| -> Result<Door> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let to = SocketAddr::from((NODE, port));
            Ok(Door { listener, to })
        };
        let tcp = door(manifest.network.tcp_port)?;
        let ws = door(manifest.network.websocket_port)?;
        let peer_id = PeerId::from_bytes(Keypair::from_seed(identity).peer_id().as_bytes())?;
        let at = |door: &Door, ws| -> Result<Multiaddr> {
            let port = door.listener.local_addr()?.port();
            Ok(format!("/ip4/127.0.0.1/tcp/{port}{ws}/p2p/{peer_id}").parse()?)
        };
        let target = Target {
            peer_id,
            tcp: at(&tcp, "")?,
            ws: at(&ws, "/ws")?,
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let node = Appliance::new(&manifest, boot, Parts::default())?;
                let gateway = Gateway::new(GATEWAY, seed, [tcp, ws], &ports)?;
                let mut link = Link::new(wire.faults, seed);
                link.rate = Some(wire.rate);
                Ok(run(node, gateway, link, clocks, stopped).await)
            })
        })?;
        Ok(Self {
            target,
            stop,
            thread,
        })
    }

    /// Ends the node; tells what was counted.
    pub(crate) async fn finish(self) -> Result<Outcome> {
        drop(self.stop);
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await?;
        joined.ok().context("the node panicked")?
    }
}

/// The loop of the kernel's system core, with the link in place of the card, and the gateway.
async fn run(
    mut node: Appliance,
    mut gateway: Gateway,
    mut link: Link<2>,
    clocks: Clocks,
    mut stopped: oneshot::Receiver<()>,
) -> Outcome {
    loop {
        let Clock { now, wall_ms } = clocks.read();
        link.carry(now);
        let [ours, theirs] = &mut link.nics;
        let activity = node.poll(now, wall_ms, ours);
        while let Some(job) = node.next_job() {
            node.done(now, wall_ms, job.run(Arc::new(NoPause)));
        }
        let moved = gateway.turn(now, theirs);
        let wakes = [link.carry(now), activity.wake_at, gateway.wake_at(now)];
        let next = match activity.did_work || moved {
            true => now,
            false => wakes.into_iter().flatten().min().unwrap_or(now + IDLE),
        };
        let wait = next.since(clocks.now());
        let rest = async {
            match wait.is_zero() {
                // The tasks of the gateway's connections have their turn.
                true => tokio::task::yield_now().await,
                false => tokio::time::sleep(wait.min(IDLE)).await,
            }
        };
        tokio::select! {
            _ = &mut stopped => {
                return Outcome {
                    link: link.counters,
                    ip: node.status().ip,
                };
            }
            () = rest => {}
            () = gateway.news() => {}
        }
    }
}
