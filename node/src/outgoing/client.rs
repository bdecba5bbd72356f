//! Requests under way, over connections that the edge opens for them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_net::swarm::{ConnId, Effect, Input};
use basalt_net::time::Instant;
use basalt_net::tls;

use super::framing::MAX_HEAD;
use super::request::{Owner, Request};
use super::response::{Answer, Reader, Response};

/// Largest piece that is taken at once.
const PIECE: usize = 64 * 1024;

/// A request under way.
struct Exchange {
    request: Request,
    tls: Option<tls::Session>,
    /// What goes out: the request, or TLS records.
    wire: Vec<u8>,
    sent: usize,
    response: Vec<u8>,
    reader: Reader,
}

impl Exchange {
    /// Takes bytes of the server. True once it sends nothing more.
    fn receive(&mut self, bytes: &[u8]) -> Result<bool, String> {
        let Some(session) = &mut self.tls else {
            self.response.extend_from_slice(bytes);
            return Ok(false);
        };
        let before = session.is_open();
        let state = session.receive(bytes, &mut self.response, &mut self.wire);
        let state = state.map_err(|error| format!("TLS: {error}"))?;
        if !before && session.is_open() {
            let request = core::mem::take(&mut self.request.bytes);
            let sent = session.send(&request, &mut self.wire);
            sent.map_err(|error| format!("TLS: {error}"))?;
        }
        Ok(state == tls::State::Closed)
    }

    /// The answer, as soon as it is whole. `end`: the server sends nothing more.
    fn answer(&mut self, end: bool) -> Result<Option<Response>, String> {
        if self.response.len() > 2 * self.request.max_body + 3 * MAX_HEAD {
            return Err("the answer is too long".into());
        }
        match self.reader.read(&self.response, end)? {
            None if end => Err("the answer ends too early".into()),
            answer => Ok(answer),
        }
    }

    fn has_output(&self) -> bool {
        self.sent < self.wire.len()
    }
}

/// The node's HTTP client: all requests under way, each on a connection of its own.
#[derive(Default)]
pub(crate) struct HttpClient {
    open: BTreeMap<ConnId, Exchange>,
    next: u64,
}

impl HttpClient {
    /// Starts a request.
    ///
    /// # Errors
    /// It cannot be made: the answer to it.
    pub(crate) fn start<T>(
        &mut self,
        mut request: Request,
        tls: Option<&Arc<tls::Context>>,
        out: &mut Vec<Effect<T>>,
    ) -> Result<(), (Owner, Answer)> {
        let session = match (&request.server.tls_name, tls) {
            (None, _) => None,
            (Some(name), Some(tls)) => match tls.dial(name) {
                Ok(session) => Some(session),
                Err(error) => return Err((request.owner, Err(format!("TLS: {error}")))),
            },
            (Some(_), None) => return Err((request.owner, Err("this node has no TLS".into()))),
        };
        // Ids beside the swarm's: the even ones are the incoming connections of the operator's
        // pages.
        let conn = ConnId::beside_swarm(2 * self.next + 1);
        self.next += 1;
        out.push(Effect::Dial {
            conn,
            endpoint: request.server.endpoint.clone(),
        });
        let wire = match session {
            // The handshake comes first.
            Some(_) => Vec::new(),
            None => core::mem::take(&mut request.bytes),
        };
        let exchange = Exchange {
            reader: Reader::new(request.max_body, request.has_body),
            request,
            tls: session,
            wire,
            sent: 0,
            response: Vec::new(),
        };
        self.open.insert(conn, exchange);
        Ok(())
    }

    /// Whether a connection is one of these.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.open.contains_key(&conn)
    }

    /// Takes what happens on a connection; gives the answer when it is there.
    pub(crate) fn handle<T>(
        &mut self,
        conn: ConnId,
        input: &Input<'_>,
        out: &mut Vec<Effect<T>>,
    ) -> Option<(Owner, Answer)> {
        let exchange = self.open.get_mut(&conn)?;
        let answer = match input {
            Input::Dialed { .. } => match exchange.receive(&[]) {
                Ok(_) => {
                    out.push(Effect::Output { conn });
                    return None;
                }
                Err(error) => Err(error),
            },
            Input::Received { bytes, .. } => match exchange.receive(bytes) {
                Ok(end) => {
                    if exchange.has_output() {
                        out.push(Effect::Output { conn });
                    }
                    exchange.answer(end).transpose()?
                }
                Err(error) => Err(error),
            },
            // Over TLS only the server's own word ends an answer: anybody on the way can end a TCP
            // connection.
            Input::RemoteClosed { .. } if exchange.tls.is_some() => {
                Err("the answer ends too early".into())
            }
            Input::RemoteClosed { .. } => exchange.answer(true).transpose()?,
            Input::DialFailed { reason, .. } => {
                let exchange = self.open.remove(&conn)?;
                return Some((exchange.request.owner, Err(reason.to_string())));
            }
            _ => {
                let exchange = self.open.remove(&conn)?;
                return Some((exchange.request.owner, Err("the connection is lost".into())));
            }
        };
        out.push(Effect::Abort { conn });
        let exchange = self.open.remove(&conn)?;
        Some((exchange.request.owner, answer))
    }

    /// Fetches bytes of a request.
    pub(crate) fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        let Some(exchange) = self.open.get_mut(&conn) else {
            return 0;
        };
        let left = &exchange.wire[exchange.sent..];
        let len = left.len().min(buffer.len());
        buffer[..len].copy_from_slice(&left[..len]);
        exchange.sent += len;
        if !exchange.has_output() {
            exchange.wire = Vec::new();
            exchange.sent = 0;
        }
        len
    }

    /// Whether there are bytes to fetch.
    pub(crate) fn has_output(&self, conn: ConnId) -> bool {
        let exchange = self.open.get(&conn);
        exchange.is_some_and(Exchange::has_output)
    }

    /// How many bytes of an answer may come.
    pub(crate) fn receive_capacity(&self, conn: ConnId) -> usize {
        if self.has(conn) { PIECE } else { 0 }
    }

    /// Ends what takes too long; gives the requests that failed by it.
    pub(crate) fn timer<T>(
        &mut self,
        now: Instant,
        out: &mut Vec<Effect<T>>,
    ) -> Vec<(Owner, Answer)> {
        let mut late = Vec::new();
        self.open.retain(|&conn, exchange| {
            let over = exchange.request.until <= now;
            if over {
                out.push(Effect::Abort { conn });
                late.push((exchange.request.owner, Err("no answer in time".into())));
            }
            !over
        });
        late
    }

    /// When the next request is too late.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let open = self.open.values();
        open.map(|exchange| exchange.request.until).min()
    }
}
