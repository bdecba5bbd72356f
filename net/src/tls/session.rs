//! One connection: bytes of the transport on one side, bytes of the layer above on the other.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{ClientConfig, Error, ServerConfig};

use super::error::TlsError;

/// Bytes that may wait for the rest of a record or of a handshake message. Bounds endless
/// handshakes; certificate chains of any sane length fit.
const MAX_WAITING: usize = 64 * 1024;
/// Largest content of a record (RFC 8446 section 5.1).
pub(crate) const MAX_RECORD: usize = 16 * 1024;
/// Room that is tried first for a record.
const FIRST_ROOM: usize = 1024;

enum Side {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The handshake goes on.
    SettingUp,
    /// Bytes can be sent.
    Open,
    /// The other side sends nothing more.
    Closed,
}

/// One TLS connection: a function of bytes, without a socket.
pub struct Session {
    side: Box<Side>,
    /// Bytes of records that are not complete.
    waiting: Vec<u8>,
    state: State,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.state)
    }
}

impl Session {
    pub(super) fn client(config: Arc<ClientConfig>, name: &str) -> Result<Self, TlsError> {
        let name = ServerName::try_from(name.to_string()).map_err(|_| TlsError::Name)?;
        let connection = UnbufferedClientConnection::new(config, name);
        Ok(Self::new(Side::Client(connection.map_err(error)?)))
    }

    pub(super) fn server(config: Arc<ServerConfig>) -> Option<Self> {
        let connection = UnbufferedServerConnection::new(config).ok()?;
        Some(Self::new(Side::Server(connection)))
    }

    fn new(side: Side) -> Self {
        Self {
            side: Box::new(side),
            waiting: Vec::new(),
            state: State::SettingUp,
        }
    }

    /// Whether bytes can be sent.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Takes bytes of the transport; appends what they carry to `plain` and what must be answered
    /// to `wire`. Also starts a client's handshake, without bytes.
    ///
    /// # Errors
    /// The connection is of no use any more; what is in `wire` may still be sent.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<State, TlsError> {
        self.waiting.extend_from_slice(bytes);
        let mut used = 0;
        loop {
            let waiting = &mut self.waiting[used..];
            let step = match &mut *self.side {
                Side::Client(client) => step(client.process_tls_records(waiting), plain, wire),
                Side::Server(server) => step(server.process_tls_records(waiting), plain, wire),
            };
            let Step {
                discard,
                state,
                more,
            } = step?;
            used += discard;
            self.state = state.unwrap_or(self.state);
            if !more {
                break;
            }
        }
        self.waiting.drain(..used);
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        } else if self.waiting.len() > MAX_WAITING {
            return Err(TlsError::Protocol);
        }
        Ok(self.state)
    }

    /// Appends the alert after which nothing more is sent to `wire` (RFC 8446 section 6.1). There
    /// is none before the handshake is done.
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        if self.state == State::SettingUp {
            return;
        }
        self.state = State::Closed;
        // The session may have failed: then its own alert was the last word.
        let _ = match &mut *self.side {
            Side::Client(client) => end(client.process_tls_records(&mut []), wire),
            Side::Server(server) => end(server.process_tls_records(&mut []), wire),
        };
    }

    /// Appends records that carry `plain` to `wire`. Only when it is open.
    ///
    /// # Errors
    /// It is not open.
    pub fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<(), TlsError> {
        for plain in plain.chunks(MAX_RECORD) {
            match &mut *self.side {
                Side::Client(client) => encrypt(client.process_tls_records(&mut []), plain, wire),
                Side::Server(server) => encrypt(server.process_tls_records(&mut []), plain, wire),
            }?;
        }
        Ok(())
    }
}

struct Step {
    discard: usize,
    /// The new state, if it changes.
    state: Option<State>,
    more: bool,
}

fn step<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    plain: &mut Vec<u8>,
    wire: &mut Vec<u8>,
) -> Result<Step, TlsError> {
    let mut discard = status.discard;
    let (state, more) = match status.state.map_err(error)? {
        ConnectionState::ReadTraffic(mut traffic) => {
            while let Some(record) = traffic.next_record() {
                let record = record.map_err(error)?;
                discard += record.discard;
                plain.extend_from_slice(record.payload);
            }
            (None, true)
        }
        ConnectionState::EncodeTlsData(mut data) => {
            grow(wire, |room| match data.encode(room) {
                Ok(len) => Ok(Ok(len)),
                Err(EncodeError::InsufficientSize(size)) => Ok(Err(size)),
                Err(_) => Err(TlsError::Protocol),
            })?;
            (None, true)
        }
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            (None, true)
        }
        ConnectionState::WriteTraffic(_) => (Some(State::Open), false),
        ConnectionState::PeerClosed | ConnectionState::Closed => (Some(State::Closed), false),
        // Early data is not taken, so what is left is waiting for bytes.
        _ => (None, false),
    };
    Ok(Step {
        discard,
        state,
        more,
    })
}

fn encrypt<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    plain: &[u8],
    wire: &mut Vec<u8>,
) -> Result<(), TlsError> {
    let ConnectionState::WriteTraffic(mut traffic) = status.state.map_err(error)? else {
        return Err(TlsError::Protocol);
    };
    grow(wire, |room| match traffic.encrypt(plain, room) {
        Ok(len) => Ok(Ok(len)),
        Err(EncryptError::InsufficientSize(size)) => Ok(Err(size)),
        Err(_) => Err(TlsError::Protocol),
    })
}

fn end<Data>(status: UnbufferedStatus<'_, '_, Data>, wire: &mut Vec<u8>) -> Result<(), TlsError> {
    let ConnectionState::WriteTraffic(mut traffic) = status.state.map_err(error)? else {
        return Err(TlsError::Protocol);
    };
    grow(wire, |room| match traffic.queue_close_notify(room) {
        Ok(len) => Ok(Ok(len)),
        Err(EncryptError::InsufficientSize(size)) => Ok(Err(size)),
        Err(_) => Err(TlsError::Protocol),
    })
}

/// Appends what `fill` writes, with as much room as it asks for.
fn grow(
    wire: &mut Vec<u8>,
    mut fill: impl FnMut(&mut [u8]) -> Result<Result<usize, InsufficientSizeError>, TlsError>,
) -> Result<(), TlsError> {
    let start = wire.len();
    let mut room = FIRST_ROOM;
    loop {
        wire.resize(start + room, 0);
        match fill(&mut wire[start..])? {
            Ok(len) => {
                wire.truncate(start + len);
                return Ok(());
            }
            Err(size) => room = size.required_size,
        }
    }
}

fn error(error: Error) -> TlsError {
    log::debug!(target: "net", "TLS: {error}");
    match error {
        Error::InvalidCertificate(_) | Error::FailedToGetCurrentTime => TlsError::Certificate,
        Error::AlertReceived(_) => TlsError::Alert,
        _ => TlsError::Protocol,
    }
}
