//! The system's non-blocking sockets, as the edge's driver takes them.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use basalt_edge::driver::{READ, WRITE};
use basalt_edge::sockets::{Event, Question, Reason, Received, Sent, Sockets};
use basalt_net::multiaddr::HostName;
use basalt_net::time::Instant;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token, Waker};

use super::names::Names;

/// One socket and what the system has told of it. The system tells only of changes.
struct Socket {
    stream: TcpStream,
    /// It is being opened.
    connecting: bool,
    /// There may be something to read.
    readable: bool,
    /// The other side has ended its half, which is told once: reading goes on until the end is
    /// found.
    ended: bool,
    /// There may be room to write.
    writable: bool,
    /// Fetched from the machine, not yet taken by the system: the part from `sent` on. Empty most
    /// of the time, so that idle sockets hold no buffers.
    pending: Vec<u8>,
    sent: usize,
}

impl Socket {
    fn read(&mut self, buffer: &mut [u8]) -> Received {
        while self.readable {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.readable = false;
                    return Received::End;
                }
                Ok(len) => {
                    // Less than there was room for is all there is: what comes later is told again.
                    self.readable = self.ended || len == buffer.len();
                    return Received::Bytes(len);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => self.readable = false,
                    _ => return Received::Broken,
                },
            }
        }
        Received::Nothing
    }

    /// Writes what is pending, else what `fill` puts into `buffer`.
    fn write(&mut self, buffer: &mut [u8], fill: impl FnOnce(&mut [u8]) -> usize) -> Sent {
        if !self.writable {
            return Sent::Full;
        }
        let rest = match self.pending.is_empty() {
            true => {
                let len = fill(buffer);
                &buffer[..len]
            }
            false => &self.pending[self.sent..],
        };
        if rest.is_empty() {
            return Sent::Nothing;
        }
        let len = match self.stream.write(rest) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                0
            }
            Err(_) => return Sent::Broken,
        };
        if !self.pending.is_empty() {
            self.sent += len;
            if self.sent == self.pending.len() {
                (self.pending, self.sent) = (Vec::new(), 0);
            }
        } else if len < rest.len() {
            self.pending = rest[len..].to_vec();
        }
        match (len, self.writable) {
            (0, false) => Sent::Full,
            (len, _) => Sent::Bytes(len),
        }
    }
}

/// All sockets of a reactor, and its lookups.
pub struct SystemSockets {
    registry: Registry,
    sockets: HashMap<Token, Socket>,
    next_token: usize,
    pub(super) names: Names,
    buffer: Vec<u8>,
}

impl SystemSockets {
    /// No sockets yet; their tokens begin at `first`.
    pub(super) fn new(registry: Registry, waker: Arc<Waker>, first: usize) -> SystemSockets {
        SystemSockets {
            registry,
            sockets: HashMap::new(),
            next_token: first,
            names: Names::new(waker),
            buffer: vec![0; READ.max(WRITE)],
        }
    }

    /// A token that nothing else has.
    pub(super) fn token(&mut self) -> Token {
        let token = Token(self.next_token);
        self.next_token += 1;
        token
    }

    /// Takes over a stream, which is open, or `connecting`.
    pub(super) fn add(&mut self, mut stream: TcpStream, connecting: bool) -> io::Result<Token> {
        let token = self.token();
        let both = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut stream, token, both)?;
        // Frames are written whole: waiting for more would only add latency.
        let _ = stream.set_nodelay(true);
        let socket = Socket {
            stream,
            connecting,
            readable: !connecting,
            ended: false,
            writable: !connecting,
            pending: Vec::new(),
            sent: 0,
        };
        self.sockets.insert(token, socket);
        Ok(token)
    }

    /// Takes what the system tells of a socket, and tells the driver.
    pub(super) fn note(&mut self, event: &mio::event::Event, out: &mut Vec<Event<SystemSockets>>) {
        let token = event.token();
        let Some(socket) = self.sockets.get_mut(&token) else {
            return;
        };
        socket.ended |= event.is_read_closed();
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        let writable = event.is_writable() || event.is_error();
        socket.writable |= writable;
        if socket.connecting {
            match connected(socket) {
                None => return,
                Some(Ok(())) => out.push(Event::Connected(token)),
                Some(Err(error)) => {
                    self.sockets.remove(&token);
                    out.push(Event::Failed(token, error.to_string().into()));
                    return;
                }
            }
            socket.connecting = false;
            // What came in together with the connection is not told again.
            socket.readable = true;
            out.push(Event::Readable(token));
            return;
        }
        socket.readable |= readable;
        if readable {
            out.push(Event::Readable(token));
        }
        if writable {
            out.push(Event::Writable(token));
        }
    }
}

/// Whether a connection that was being made is there now, or cannot be made.
fn connected(socket: &mut Socket) -> Option<io::Result<()>> {
    if !socket.writable {
        return None;
    }
    if let Ok(Some(error)) | Err(error) = socket.stream.take_error() {
        return Some(Err(error));
    }
    match socket.stream.peer_addr() {
        Ok(_) => Some(Ok(())),
        Err(error) if error.kind() == ErrorKind::NotConnected => {
            socket.writable = false;
            None
        }
        Err(error) => Some(Err(error)),
    }
}

fn reason(error: &dyn std::fmt::Display) -> Reason {
    error.to_string().into()
}

impl Sockets for SystemSockets {
    type Socket = Token;
    type Lookup = u64;

    fn connect(&mut self, remote: SocketAddr) -> Result<Token, Reason> {
        let stream = TcpStream::connect(remote).map_err(|error| reason(&error))?;
        self.add(stream, true).map_err(|error| reason(&error))
    }

    fn questions(&self, host: &HostName) -> Result<&'static [Question], Reason> {
        Ok(match host {
            HostName::Ip(_) => &[],
            // The system knows which family is reachable, and gives that first.
            HostName::Dns(_) => &[Question::Addresses],
            HostName::Dns4(_) => &[Question::V4],
            HostName::Dns6(_) => &[Question::V6],
        })
    }

    fn look_up(&mut self, name: &str, question: Question) -> Result<u64, Reason> {
        Ok(self.names.look_up(name.to_owned(), question))
    }

    fn remote(&self, socket: Token) -> Option<SocketAddr> {
        self.sockets.get(&socket)?.stream.peer_addr().ok()
    }

    fn receive(&mut self, socket: Token, limit: usize, take: impl FnOnce(&mut [u8])) -> Received {
        let limit = limit.min(self.buffer.len());
        let buffer = &mut self.buffer[..limit];
        let Some(socket) = self.sockets.get_mut(&socket) else {
            return Received::Nothing;
        };
        let received = socket.read(buffer);
        if let Received::Bytes(len) = received {
            take(&mut buffer[..len]);
        }
        received
    }

    fn send(&mut self, socket: Token, fill: impl FnOnce(&mut [u8]) -> usize) -> Sent {
        match self.sockets.get_mut(&socket) {
            Some(socket) => socket.write(&mut self.buffer[..WRITE], fill),
            None => Sent::Full,
        }
    }

    fn shut(&mut self, _: Instant, socket: Token) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            // A connection that is gone already needs no FIN: reading tells of its end.
            let _ = socket.stream.shutdown(Shutdown::Write);
            socket.readable = true;
        }
    }

    fn abort(&mut self, _: Instant, socket: Token) {
        // That closes the socket, which ends its registration too.
        self.sockets.remove(&socket);
    }
}
