//! One non-blocking socket and what is left to be done with it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use basalt_net::time::Instant;
use mio::Token;
use mio::net::TcpStream;

use super::WRITE;

/// How long a closed connection may take to say the rest and to hear the other side's FIN.
const LINGER: Duration = Duration::from_secs(10);

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    /// The machine has closed it: the rest is sent, then FIN; over at the latest at that time.
    Closing(Instant),
    /// FIN is sent; what comes in is not wanted, but reading it spares the other side a reset.
    Draining(Instant),
    Over,
}

/// What one read or write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes were moved.
    Moved(usize),
    /// Nothing can be moved now.
    Blocked,
    /// The other side has sent its last byte.
    End,
    /// The connection is broken.
    Broken,
}

pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) token: Token,
    /// There may be something to read.
    pub(super) readable: bool,
    /// The other side has ended its half, which is told once: reading goes on until the end is found.
    pub(super) ended: bool,
    /// There may be room to write.
    pub(super) writable: bool,
    /// The machine may have bytes for it.
    pub(super) has_output: bool,
    /// Whether it stands in the reactor's list of sockets with something to do.
    pub(super) active: bool,
    phase: Phase,
    /// Fetched from the machine, not yet taken by the system: the part from `sent` on. Empty most of the
    /// time, so that idle sockets hold no buffers.
    pending: Vec<u8>,
    sent: usize,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, token: Token, connecting: bool) -> Socket {
        Socket {
            stream,
            token,
            readable: !connecting,
            ended: false,
            writable: !connecting,
            has_output: false,
            active: false,
            phase: if connecting {
                Phase::Connecting
            } else {
                Phase::Open
            },
            pending: Vec::new(),
            sent: 0,
        }
    }

    /// Whether the machine still takes part.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Open)
    }

    pub(super) fn wants_to_send(&self) -> bool {
        let ready = matches!(self.phase, Phase::Open | Phase::Closing(_)) && self.writable;
        let closing = matches!(self.phase, Phase::Closing(_));
        ready && (self.has_output || self.sent < self.pending.len() || closing)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closing(until) | Phase::Draining(until) => Some(until),
            _ => None,
        }
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.phase == Phase::Over || self.deadline().is_some_and(|until| until <= now)
    }

    /// Whether a connection that was being made is there now, or cannot be made.
    pub(super) fn connected(&mut self) -> Option<io::Result<SocketAddr>> {
        if self.phase != Phase::Connecting || !self.writable {
            return None;
        }
        if let Ok(Some(error)) | Err(error) = self.stream.take_error() {
            return Some(Err(error));
        }
        match self.stream.peer_addr() {
            Ok(remote) => {
                self.phase = Phase::Open;
                self.readable = true;
                Some(Ok(remote))
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                self.writable = false;
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        match self.phase {
            Phase::Open => {
                self.phase = Phase::Closing(now + LINGER);
                self.has_output = true;
            }
            Phase::Connecting => self.phase = Phase::Over,
            _ => {}
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Progress {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => {
                    self.readable = false;
                    if matches!(self.phase, Phase::Draining(_)) {
                        self.phase = Phase::Over;
                    }
                    Progress::End
                }
                Ok(len) => {
                    // Less than there was room for is all there is: what comes later is told again.
                    self.readable = self.ended || len == buffer.len();
                    Progress::Moved(len)
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::WouldBlock => {
                        self.readable = false;
                        Progress::Blocked
                    }
                    _ => Progress::Broken,
                },
            };
        }
    }

    /// Writes what is pending, fetching more from the machine into `buffer`, up to about one piece.
    pub(super) fn write(
        &mut self,
        buffer: &mut [u8],
        mut fetch: impl FnMut(&mut [u8]) -> usize,
    ) -> Progress {
        let mut moved = 0;
        while self.writable && moved < WRITE {
            let fetched = match self.pending.is_empty() {
                true => fetch(&mut buffer[..WRITE]),
                false => 0,
            };
            let rest = match self.pending.is_empty() {
                true => &buffer[..fetched],
                false => &self.pending[self.sent..],
            };
            if rest.is_empty() {
                self.has_output = false;
                self.finish();
                break;
            }
            let len = match self.stream.write(rest) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.writable = false;
                    0
                }
                Err(_) => return Progress::Broken,
            };
            moved += len;
            if len < rest.len() && self.pending.is_empty() {
                self.pending = rest[len..].to_vec();
            } else if !self.pending.is_empty() {
                self.sent += len;
                if self.sent == self.pending.len() {
                    (self.pending, self.sent) = (Vec::new(), 0);
                }
            }
        }
        match moved {
            0 => Progress::Blocked,
            moved => Progress::Moved(moved),
        }
    }

    /// Everything is written: FIN, if the connection is closing.
    fn finish(&mut self) {
        if let Phase::Closing(until) = self.phase {
            // A connection that is gone already needs no FIN.
            self.phase = match self.stream.shutdown(Shutdown::Write) {
                Ok(()) => Phase::Draining(until),
                Err(_) => Phase::Over,
            };
            self.readable = true;
        }
    }
}
