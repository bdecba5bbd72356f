//! The lowest layer: what lies directly on TCP. Either nothing, or WebSocket.

use alloc::boxed::Box;
use alloc::vec::Vec;

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use basalt_terms::multiaddr::Transport;

use crate::direction::Direction;
use crate::websocket::handshake::{self, Request};
use crate::websocket::{self, Control, Opcode, Side, WebSocketError};

/// Bytes of answers to pings that may wait; beyond it pings go unanswered, as the RFC allows.
const MAX_PONGS: usize = 4096;

#[derive(Debug)]
pub(super) enum Link {
    Plain,
    /// A request is awaited.
    Accepting,
    /// The answer to our request is awaited.
    Asking {
        request: Request,
        masks: Box<ChaCha20Rng>,
    },
    WebSocket {
        reader: websocket::Reader,
        masks: Option<Box<ChaCha20Rng>>,
    },
}

/// The state of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    SettingUp,
    Open,
    /// The other side closed the WebSocket.
    Closed,
}

impl Link {
    /// The link of a new connection; a WebSocket client's request, for this authority and path,
    /// goes to `outbox`.
    pub(super) fn new(
        transport: Transport,
        direction: Direction,
        (host, path): (&str, &str),
        entropy: [u8; 32],
        outbox: &mut Vec<u8>,
    ) -> Self {
        match (transport, direction) {
            (Transport::Tcp, _) => Self::Plain,
            (_, Direction::Inbound) => Self::Accepting,
            (_, Direction::Outbound) => {
                let mut masks = Box::new(ChaCha20Rng::from_seed(entropy));
                let mut key = [0; 16];
                masks.fill_bytes(&mut key);
                Self::Asking {
                    request: Request::new(host, path, key, outbox),
                    masks,
                }
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Plain | Self::WebSocket { .. })
    }

    /// Whether what the transport carries is what the layers above read.
    pub(super) fn is_bare(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Takes bytes from the transport and appends what they carry to `inbox`.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        inbox: &mut Vec<u8>,
        outbox: &mut Vec<u8>,
    ) -> Result<State, WebSocketError> {
        if let Self::Plain = self {
            inbox.extend_from_slice(bytes);
            return Ok(State::Open);
        }
        let http;
        let mut bytes = bytes;
        if !self.is_open() {
            inbox.extend_from_slice(bytes);
            let size = match self {
                Self::Asking { request, .. } => request.read_answer(inbox)?,
                _ => handshake::accept(inbox, outbox)?,
            };
            let Some(size) = size else {
                return Ok(State::SettingUp);
            };
            http = core::mem::take(inbox);
            bytes = &http[size..];
            *self = match core::mem::replace(self, Self::Plain) {
                Self::Asking { masks, .. } => Self::WebSocket {
                    reader: websocket::Reader::new(Side::Client),
                    masks: Some(masks),
                },
                _ => Self::WebSocket {
                    reader: websocket::Reader::new(Side::Server),
                    masks: None,
                },
            };
        }
        while let Self::WebSocket { reader, .. } = self
            && let Some(control) = reader.read(&mut bytes, inbox)?
        {
            match control {
                Control::Ping(payload) if outbox.len() < MAX_PONGS => {
                    self.queue(Opcode::Pong, &payload, outbox);
                }
                Control::Ping(_) | Control::Pong => {}
                Control::Close(code) => {
                    let code = code.map(u16::to_be_bytes);
                    self.queue(
                        Opcode::Close,
                        code.as_ref().map_or(&[], |code| &code[..]),
                        outbox,
                    );
                    return Ok(State::Closed);
                }
            }
        }
        Ok(State::Open)
    }

    /// Room that a payload needs in front of it.
    pub(super) fn head_room(&self) -> usize {
        match self {
            Self::WebSocket { masks: Some(_), .. } => 8,
            Self::WebSocket { masks: None, .. } => 4,
            _ => 0,
        }
    }

    /// Makes a frame of the `len` bytes that lie behind the head room of `buf`; gives its size.
    pub(super) fn frame(&mut self, buf: &mut [u8], len: usize) -> usize {
        let room = self.head_room();
        let Self::WebSocket { masks, .. } = self else {
            return len;
        };
        let mask = masks.as_mut().map(|rng| rng.next_u32().to_ne_bytes());
        if let Some(mask) = mask {
            websocket::apply_mask(&mut buf[room..room + len], mask, 0);
        }
        let head = websocket::header(Opcode::Binary, len, mask, buf);
        if head < room {
            // The header of a short frame is short; the payload of a short frame is quickly moved.
            buf.copy_within(room..room + len, head);
        }
        head + len
    }

    /// Appends a frame of its own to `outbox`.
    pub(super) fn queue(&mut self, opcode: Opcode, payload: &[u8], outbox: &mut Vec<u8>) {
        match self {
            Self::WebSocket { masks, .. } => {
                let mask = masks.as_mut().map(|rng| rng.next_u32().to_ne_bytes());
                let mut head = [0; websocket::MAX_HEADER];
                let len = websocket::header(opcode, payload.len(), mask, &mut head);
                outbox.extend_from_slice(&head[..len]);
                let start = outbox.len();
                outbox.extend_from_slice(payload);
                if let Some(mask) = mask {
                    websocket::apply_mask(&mut outbox[start..], mask, 0);
                }
            }
            Self::Plain if opcode == Opcode::Binary => outbox.extend_from_slice(payload),
            _ => {}
        }
    }
}
