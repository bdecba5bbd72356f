//! A rust-libp2p peer: TCP and WebSocket, Noise, Yamux, identify, ping, and bare streams of the
//! particle protocol; of the current version, or of the one that nox is built with.
//!
//! The swarm runs in a task of its own and writes all that happens into a journal; a test waits
//! until the journal holds what it looks for, so nothing is missed between two waits.

mod current;
mod nox;

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Version;
use super::particle::{Form, Particle};
use crate::PATIENCE;

/// The protocol of particles.
pub(crate) const PARTICLE: &str = "/fluence/particle/2.0.0";

/// What happened at a [`Peer`].
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A listener is ready at this address.
    Listening(Multiaddr),
    /// A connection is up; `dialed` by us or by the remote.
    Connected { peer: PeerId, dialed: bool },
    /// The last connection to the peer is gone.
    Disconnected(PeerId),
    /// A dial failed.
    DialFailed(String),
    /// The peer said who it is.
    Identified { peer: PeerId, info: Box<Info> },
    /// Our ping was answered.
    Pinged { peer: PeerId },
    /// A particle stream from the peer: its bytes, and whether it ended with FIN or by an error.
    Frame {
        peer: PeerId,
        bytes: Vec<u8>,
        end: Result<(), String>,
    },
}

/// What a remote says of itself in identify.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    /// The id of the key that it tells.
    pub(crate) peer: PeerId,
    pub(crate) protocol_version: String,
    pub(crate) agent_version: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) listen_addrs: Vec<Multiaddr>,
    /// Where it sees us.
    pub(crate) observed_addr: Multiaddr,
}

/// A stream of any version.
pub(crate) type Stream = Pin<Box<dyn ReadWrite>>;

/// What a stream can do.
pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> ReadWrite for T {}

enum Command {
    Dial(Multiaddr),
    Disconnect(PeerId),
    Open(PeerId, &'static str, oneshot::Sender<Result<Stream>>),
}

#[derive(Default)]
struct Journal {
    events: Mutex<Vec<Event>>,
    news: Notify,
}

impl Journal {
    fn write(&self, event: Event) {
        self.events.lock().expect("no panic inside").push(event);
        self.news.notify_waiters();
    }
}

/// A running rust-libp2p peer; it ends when dropped.
pub(crate) struct Peer {
    /// Its key.
    pub(crate) keypair: Keypair,
    commands: mpsc::UnboundedSender<Command>,
    journal: Arc<Journal>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Peer {
    /// Starts a peer with a fresh key that listens on `addresses`. Needs a Tokio runtime around it.
    pub(crate) fn start(addresses: &[&str]) -> Result<Self> {
        Self::of(Version::Current, addresses)
    }

    /// [`Peer::start`] of this version.
    pub(crate) fn of(version: Version, addresses: &[&str]) -> Result<Self> {
        Self::with(version, Keypair::generate_ed25519(), addresses)
    }

    /// [`Peer::start`] with this key.
    pub(crate) fn with_key(keypair: Keypair, addresses: &[&str]) -> Result<Self> {
        Self::with(Version::Current, keypair, addresses)
    }

    fn with(version: Version, keypair: Keypair, addresses: &[&str]) -> Result<Self> {
        let (streams, mut incoming) = mpsc::unbounded_channel();
        let journal = Arc::new(Journal::default());
        let (commands, orders) = mpsc::unbounded_channel();
        let key = keypair.to_protobuf_encoding()?;
        let start = match version {
            Version::Nox => nox::engine::start,
            Version::Current => current::engine::start,
        };
        let events = start(&key, addresses, streams, orders, journal.clone())?;
        let pages = journal.clone();
        let frames = tokio::spawn(async move {
            while let Some((peer, stream)) = incoming.recv().await {
                tokio::spawn(read_frame(peer, stream, pages.clone()));
            }
        });
        Ok(Self {
            keypair,
            commands,
            journal,
            tasks: vec![events, frames],
        })
    }

    /// The peer's id.
    pub(crate) fn id(&self) -> PeerId {
        self.keypair.public().to_peer_id()
    }

    /// How many events happened: the mark from which a later wait may start.
    pub(crate) fn mark(&self) -> usize {
        self.journal.events.lock().expect("no panic inside").len()
    }

    /// Waits until an event since `mark` gives `Some`; `what` is what is missing otherwise.
    pub(crate) async fn wait<T>(
        &self,
        mark: usize,
        what: &str,
        mut find: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        let mut next = mark;
        let search = async {
            loop {
                let news = self.journal.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                {
                    let events = self.journal.events.lock().expect("no panic inside");
                    if let Some(found) = events[next..].iter().find_map(&mut find) {
                        return found;
                    }
                    next = events.len();
                }
                news.await;
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => Ok(found),
            Err(_) => bail!("waited {PATIENCE:?} for {what}; seen: {}", self.story(mark)),
        }
    }

    /// The address of the WebSocket listener, or of the plain TCP one, with this peer's id at its
    /// end.
    pub(crate) async fn address(&self, websocket: bool) -> Result<Multiaddr> {
        let listening = |event: &Event| match event {
            Event::Listening(address) if is_websocket(address) == websocket => {
                Some(address.clone())
            }
            _ => None,
        };
        let address = self.wait(0, "a listener", listening).await?;
        address
            .with_p2p(self.id())
            .map_err(|address| anyhow!("{address} names another peer"))
    }

    /// Dials `address` (with `/p2p/` in it) and waits until the connection is up.
    pub(crate) async fn connect(&self, address: &Multiaddr) -> Result<()> {
        let mark = self.mark();
        self.commands
            .send(Command::Dial(address.clone()))
            .context("the swarm ended")?;
        let outcome = self.wait(mark, "a connection", |event| match event {
            Event::Connected { dialed: true, .. } => Some(Ok(())),
            Event::DialFailed(reason) => Some(Err(anyhow!("dialing {address}: {reason}"))),
            _ => None,
        });
        outcome.await?
    }

    /// Closes all connections to `peer` and waits until they are gone.
    pub(crate) async fn disconnect(&self, peer: PeerId) -> Result<()> {
        let mark = self.mark();
        self.commands
            .send(Command::Disconnect(peer))
            .context("the swarm ended")?;
        self.wait(mark, "the disconnection", |event| {
            matches!(event, Event::Disconnected(id) if *id == peer).then_some(())
        })
        .await
    }

    /// Waits for identify from `peer`.
    pub(crate) async fn identified(&self, peer: PeerId) -> Result<Box<Info>> {
        self.wait(0, "identify", |event| match event {
            Event::Identified { peer: id, info } if *id == peer => Some(info.clone()),
            _ => None,
        })
        .await
    }

    /// Opens a stream of `protocol` to `peer`.
    pub(crate) async fn open(&self, peer: PeerId, protocol: &'static str) -> Result<Stream> {
        let (answer, opened) = oneshot::channel();
        self.commands
            .send(Command::Open(peer, protocol, answer))
            .context("the swarm ended")?;
        let stream = tokio::time::timeout(PATIENCE, opened).await;
        stream.context("no stream within the limit")??
    }

    /// Sends a particle in one write.
    pub(crate) async fn send(&self, peer: PeerId, particle: &Particle, form: Form) -> Result<()> {
        self.send_pieces(peer, &[&particle.frame(form)]).await
    }

    /// Sends a frame as `pieces`, each flushed on its own, then FIN.
    pub(crate) async fn send_pieces(&self, peer: PeerId, pieces: &[&[u8]]) -> Result<()> {
        let mut stream = self.open(peer, PARTICLE).await?;
        for piece in pieces {
            stream.write_all(piece).await?;
            stream.flush().await?;
        }
        Ok(stream.close().await?)
    }

    /// Waits for a particle (since `mark`) for which `find` gives `Some`. It must be well formed,
    /// signed, written in the BIN form and ended with FIN.
    pub(crate) async fn particle<T>(
        &self,
        mark: usize,
        what: &str,
        mut find: impl FnMut(&PeerId, &Particle) -> Option<T>,
    ) -> Result<T> {
        let judge = |event: &Event| {
            let Event::Frame { peer, bytes, end } = event else {
                return None;
            };
            let checked = || {
                let (particle, form) = Particle::parse(bytes)?;
                particle.verify()?;
                anyhow::ensure!(form == Form::Bin, "written in the ARRAY form");
                end.clone()
                    .map_err(|e| anyhow!("no FIN after the frame: {e}"))?;
                Ok(particle)
            };
            match checked() {
                Ok(particle) => find(peer, &particle).map(Ok),
                Err(error) => Some(Err(error)),
            }
        };
        self.wait(mark, what, judge).await?
    }

    /// Whether a frame since `mark` holds the particle called `id`.
    pub(crate) fn has_frame(&self, mark: usize, id: &str) -> bool {
        let events = self.journal.events.lock().expect("no panic inside");
        events[mark..].iter().any(|event| match event {
            Event::Frame { bytes, .. } => bytes.windows(id.len()).any(|w| w == id.as_bytes()),
            _ => false,
        })
    }

    /// What happened since `mark`, in words; pings are left out.
    pub(crate) fn story(&self, mark: usize) -> String {
        let events = self.journal.events.lock().expect("no panic inside");
        let line = |event: &Event| match event {
            Event::Frame { peer, bytes, end } => {
                format!("frame of {} bytes from {peer}, {end:?}", bytes.len())
            }
            Event::Identified { peer, .. } => format!("identify from {peer}"),
            other => format!("{other:?}"),
        };
        let told = |event: &&Event| !matches!(event, Event::Pinged { .. });
        let lines: Vec<String> = events[mark..].iter().filter(told).map(line).collect();
        lines.join("; ")
    }
}

fn is_websocket(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Ws(_)))
}

async fn read_frame(peer: PeerId, mut stream: Stream, journal: Arc<Journal>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    let end = end.map(drop).map_err(|e| e.to_string());
    journal.write(Event::Frame { peer, bytes, end });
}
