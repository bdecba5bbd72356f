//! The gateway: an IP stack whose connections go on as connections of this host.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use basalt_net::ip::{Config, EthernetAddress, Event, Ipv4Cidr, SocketId, Stack};
use basalt_net::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use super::link::Nic;

/// Pieces under way between a socket of the host and one of the link, each way, and the bytes of
/// one.
const PIECES: usize = 4;
const PIECE: usize = 16 << 10;

/// A listener of this host, and the address on the link that its callers are joined with.
pub(super) struct Door {
    pub(super) listener: std::net::TcpListener,
    pub(super) to: SocketAddr,
}

/// The stack and its bridges.
pub(super) struct Gateway {
    stack: Stack,
    bridges: HashMap<SocketId, Bridge>,
    callers: mpsc::UnboundedReceiver<(TcpStream, SocketAddr)>,
    news: Arc<Notify>,
}

impl Gateway {
    /// A gateway with this address; `doors` lead to the link, and connections to `ports` from the
    /// link to the same ports of this host.
    pub(super) fn new(
        address: Ipv4Addr,
        seed: u64,
        doors: impl IntoIterator<Item = Door>,
        ports: &[u16],
    ) -> Result<Self> {
        let mac = EthernetAddress([2, 0, 0, 0, 0, 1]);
        let mut stack = Stack::new(Config::fixed(mac, Ipv4Cidr::new(address, 24), None), seed);
        for port in ports {
            stack.listen(*port)?;
        }
        let news = Arc::new(Notify::new());
        let (called, callers) = mpsc::unbounded_channel();
        for Door { listener, to } in doors {
            let listener = TcpListener::from_std(listener)?;
            let (called, news) = (called.clone(), news.clone());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    if called.send((stream, to)).is_err() {
                        return;
                    }
                    news.notify_one();
                }
            });
        }
        Ok(Self {
            stack,
            bridges: HashMap::new(),
            callers,
            news,
        })
    }

    /// Waits until a socket of the host has something new.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// When to come back if there are no news before.
    pub(super) fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        self.stack.wake_at(now)
    }

    /// Moves all that can be moved; true if anything was.
    pub(super) fn turn(&mut self, now: Instant, nic: &mut Nic) -> bool {
        let mut events = Vec::new();
        self.stack.poll(now, nic, &mut events);
        for event in events {
            match event {
                Event::Accepted { socket, port, .. } => {
                    self.add(socket, TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
                }
                Event::Finished(socket) => {
                    if let Some(bridge) = self.bridges.get_mut(&socket) {
                        bridge.to_host = None;
                    }
                }
                Event::Failed(socket) | Event::Closed { socket, .. } => {
                    self.bridges.remove(&socket);
                }
                _ => {}
            }
        }
        while let Ok((stream, to)) = self.callers.try_recv() {
            // A caller that finds no socket is hung up on.
            if let Ok(socket) = self.stack.connect(to) {
                self.add(socket, async { Ok(stream) });
            }
        }
        let mut moved = false;
        for (&socket, bridge) in &mut self.bridges {
            moved |= bridge.receive(now, &mut self.stack, socket);
            moved |= bridge.send(now, &mut self.stack, socket);
        }
        moved
    }

    /// Joins a socket of the link with one of the host.
    fn add(
        &mut self,
        socket: SocketId,
        host: impl Future<Output = std::io::Result<TcpStream>> + Send + 'static,
    ) {
        let (to_host, incoming) = mpsc::channel(PIECES);
        let (outgoing, from_host) = mpsc::channel(PIECES);
        let bridge = Bridge {
            to_host: Some(to_host),
            from_host: Some(from_host),
            rest: Vec::new(),
        };
        self.bridges.insert(socket, bridge);
        let news = self.news.clone();
        tokio::spawn(async move {
            // A connection that cannot be made ends like one that has ended: its channels close.
            if let Ok(stream) = host.await
                && stream.set_nodelay(true).is_ok()
            {
                let (read_half, write_half) = stream.into_split();
                tokio::join!(
                    read(read_half, outgoing, &news),
                    write(write_half, incoming, &news),
                );
            }
            news.notify_one();
        });
    }
}

/// A connection of the link whose other half is a socket of the host, in a task of its own.
struct Bridge {
    /// Until the link's side has ended.
    to_host: Option<mpsc::Sender<Vec<u8>>>,
    /// Until the host's side has ended.
    from_host: Option<mpsc::Receiver<Vec<u8>>>,
    /// What the stack had no room for of the last piece from the host.
    rest: Vec<u8>,
}

impl Bridge {
    fn receive(&mut self, now: Instant, stack: &mut Stack, socket: SocketId) -> bool {
        let mut moved = false;
        while stack.readable(socket) > 0 {
            let room = self.to_host.as_ref().map(mpsc::Sender::try_reserve);
            match room {
                Some(Ok(room)) => {
                    stack.receive_with(socket, PIECE, |bytes| room.send(bytes.to_vec()));
                    moved = true;
                }
                Some(Err(mpsc::error::TrySendError::Full(()))) | None => break,
                Some(Err(mpsc::error::TrySendError::Closed(()))) => {
                    // As an operating system answers bytes that nobody will read.
                    stack.abort(now, socket);
                    break;
                }
            }
        }
        moved
    }

    fn send(&mut self, now: Instant, stack: &mut Stack, socket: SocketId) -> bool {
        let mut moved = false;
        while let Some(from_host) = &mut self.from_host {
            if self.rest.is_empty() {
                match from_host.try_recv() {
                    Ok(piece) => self.rest = piece,
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        stack.close(now, socket);
                        self.from_host = None;
                        break;
                    }
                }
            }
            let sent = stack.send(socket, &self.rest);
            self.rest.drain(..sent);
            moved |= sent > 0;
            if !self.rest.is_empty() {
                break;
            }
        }
        moved
    }
}

async fn read(mut from: OwnedReadHalf, pieces: mpsc::Sender<Vec<u8>>, news: &Notify) {
    while let Ok(room) = pieces.reserve().await {
        let mut piece = vec![0; PIECE];
        match from.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(len) => piece.truncate(len),
        }
        room.send(piece);
        news.notify_one();
    }
    drop(pieces);
    news.notify_one();
}

async fn write(mut to: OwnedWriteHalf, mut pieces: mpsc::Receiver<Vec<u8>>, news: &Notify) {
    while let Some(piece) = pieces.recv().await {
        news.notify_one();
        if to.write_all(&piece).await.is_err() {
            return;
        }
    }
}
