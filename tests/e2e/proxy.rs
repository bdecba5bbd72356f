//! A TCP proxy between a client and a node that makes the wire unpleasant: it cuts the bytes
//! anywhere, or stops handing the node's bytes on.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use libp2p::Multiaddr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::target::{moved, port};

/// Handshakes fit in this many bytes each way; they are handed on one byte at a time.
const SINGLE_BYTES: usize = 700;

/// How the proxy hands bytes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As they come.
    Smooth,
    /// One by one through the handshakes, then in small pieces of changing size.
    Shredded,
}

/// A proxy to one address; it ends when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    gate: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Listens on a port of this host and connects each caller to `node`.
    pub(crate) async fn start(node: &Multiaddr, pace: Pace) -> Result<Self> {
        let remote = port(node)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (gate, open) = watch::channel(true);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                connections.spawn(join(caller, remote, pace, open.clone()));
            }
        });
        Ok(Self {
            address,
            gate,
            task,
        })
    }

    /// `node`'s address with the proxy's port in it.
    pub(crate) fn address(&self, node: &Multiaddr) -> Multiaddr {
        moved(node, self.address)
    }

    /// Lets the node's bytes through, or holds them back.
    pub(crate) fn let_through(&self, open: bool) {
        self.gate.send_replace(open);
    }
}

async fn join(caller: TcpStream, port: u16, pace: Pace, open: watch::Receiver<bool>) {
    let Ok(node) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    if caller
        .set_nodelay(true)
        .and(node.set_nodelay(true))
        .is_err()
    {
        return;
    }
    let (caller_read, caller_write) = caller.into_split();
    let (node_read, node_write) = node.into_split();
    let always = watch::channel(true).1;
    // An end of either way ends its half; errors end like that, too.
    let _ = tokio::join!(
        hand_on(caller_read, node_write, pace, always),
        hand_on(node_read, caller_write, pace, open),
    );
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    pace: Pace,
    mut open: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        if open.wait_for(|open| *open).await.is_err() {
            return Ok(());
        }
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let size = match pace {
                Pace::Smooth => rest.len(),
                Pace::Shredded if passed < SINGLE_BYTES => 1,
                Pace::Shredded => 1 + passed * 31 % 997,
            };
            let (piece, later) = rest.split_at(size.min(rest.len()));
            to.write_all(piece).await?;
            if pace == Pace::Shredded {
                // Long enough for the node to read what came so far.
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            passed += piece.len();
            rest = later;
        }
    }
}
