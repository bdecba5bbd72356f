//! Requests of the node itself, over connections that the edge opens for it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use basalt_manifest::Url;
use basalt_net::multiaddr::{Endpoint, Host, Scope};
use basalt_net::swarm::{ConnId, Input, Transport};
use basalt_net::time::Instant;
use basalt_net::tls;

use super::MAX_HEADERS;
use crate::machine::Effect;

/// Bytes that the head of an answer may take beside its body.
const MAX_HEAD: usize = 16 * 1024;
/// Largest piece that is taken at once.
const PIECE: usize = 64 * 1024;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Names it when it is answered.
    pub(crate) id: u64,
    /// Where to.
    pub(crate) endpoint: Endpoint,
    /// The name that the server's certificate must have, if it is to speak TLS.
    pub(crate) server_name: Option<String>,
    /// Everything that is sent.
    pub(crate) bytes: Vec<u8>,
    /// Whether the answer can have a body: to a `HEAD` it has none, whatever length it names.
    pub(crate) has_body: bool,
    /// Longest body that is taken.
    pub(crate) max_body: usize,
    /// When it is too late.
    pub(crate) until: Instant,
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came of a request, or why nothing did.
pub(crate) type Answer = Result<Response, String>;

struct Exchange {
    request: Request,
    tls: Option<tls::Session>,
    /// What goes out: the request, or TLS records.
    wire: Vec<u8>,
    sent: usize,
    response: Vec<u8>,
    chunks: Chunks,
}

/// Where a URL leads: the endpoint, and the name for TLS if it is spoken there.
pub(crate) fn server(url: &Url) -> (Endpoint, Option<String>) {
    let ip = url.host.parse().map(Host::Ip);
    let endpoint = Endpoint {
        host: ip.unwrap_or_else(|_| Host::Dns(url.host.clone())),
        scope: Scope::Any,
        port: url.port,
        transport: Transport::Tcp,
        peer: None,
    };
    (endpoint, url.tls.then(|| url.host.clone()))
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

    /// The answer, as soon as it is whole.
    fn answer(&mut self, end: bool) -> Result<Option<Response>, String> {
        let Request {
            max_body, has_body, ..
        } = self.request;
        parse(&self.response, end, max_body, has_body, &mut self.chunks)
    }

    fn has_output(&self) -> bool {
        self.sent < self.wire.len()
    }
}

/// All requests under way.
#[derive(Default)]
pub(crate) struct Clients {
    open: BTreeMap<ConnId, Exchange>,
    next: u64,
}

impl Clients {
    /// Starts a request.
    ///
    /// # Errors
    /// It cannot be made: the answer to it.
    pub(crate) fn start(
        &mut self,
        mut request: Request,
        tls: Option<&Arc<tls::Context>>,
        out: &mut Vec<Effect>,
    ) -> Result<(), (u64, Answer)> {
        let session = match (&request.server_name, tls) {
            (None, _) => None,
            (Some(name), Some(tls)) => match tls.dial(name) {
                Ok(session) => Some(session),
                Err(error) => return Err((request.id, Err(format!("TLS: {error}")))),
            },
            (Some(_), None) => return Err((request.id, Err("this node speaks no TLS".into()))),
        };
        // The even names are those of incoming connections.
        let conn = ConnId::beside_swarm(2 * self.next + 1);
        self.next += 1;
        out.push(Effect::Dial {
            conn,
            endpoint: request.endpoint.clone(),
        });
        let wire = match session {
            // The handshake comes first.
            Some(_) => Vec::new(),
            None => core::mem::take(&mut request.bytes),
        };
        let exchange = Exchange {
            request,
            tls: session,
            wire,
            sent: 0,
            response: Vec::new(),
            chunks: Chunks::default(),
        };
        self.open.insert(conn, exchange);
        Ok(())
    }

    /// Whether a connection is one of these.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.open.contains_key(&conn)
    }

    /// Takes what happens on a connection; gives the answer when it is there.
    pub(crate) fn handle(
        &mut self,
        conn: ConnId,
        input: &Input<'_>,
        out: &mut Vec<Effect>,
    ) -> Option<(u64, Answer)> {
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
                    match exchange.response.len() > 2 * exchange.request.max_body + MAX_HEAD {
                        true => Err("the answer is too long".into()),
                        false => exchange.answer(end).transpose()?,
                    }
                }
                Err(error) => Err(error),
            },
            // Over TLS the end of an answer is what the server says it is: here it said nothing.
            Input::RemoteClosed { .. } if exchange.tls.is_some() => {
                Err("the answer ends too early".into())
            }
            Input::RemoteClosed { .. } => exchange
                .answer(true)
                .and_then(|answer| answer.ok_or_else(|| "the answer ends too early".into())),
            Input::DialFailed { reason, .. } => {
                let exchange = self.open.remove(&conn)?;
                return Some((exchange.request.id, Err(reason.to_string())));
            }
            _ => {
                let exchange = self.open.remove(&conn)?;
                return Some((exchange.request.id, Err("the connection is lost".into())));
            }
        };
        out.push(Effect::Abort { conn });
        let exchange = self.open.remove(&conn)?;
        Some((exchange.request.id, answer))
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
    pub(crate) fn timer(&mut self, now: Instant, out: &mut Vec<Effect>) -> Vec<(u64, Answer)> {
        let mut late = Vec::new();
        self.open.retain(|&conn, exchange| {
            let over = exchange.request.until <= now;
            if over {
                out.push(Effect::Abort { conn });
                late.push((exchange.request.id, Err("no answer in time".into())));
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

/// Reads an answer, its status and its body; `None` while it is not whole. `end`: no more bytes follow.
///
/// # Errors
/// The bytes are no answer, or its body is longer than `max_body`.
pub fn read_answer(
    bytes: &[u8],
    end: bool,
    max_body: usize,
) -> Result<Option<(u16, Vec<u8>)>, String> {
    let answer = parse(bytes, end, max_body, true, &mut Chunks::default())?;
    Ok(answer.map(|response| (response.status, response.body)))
}

/// Reads an answer; `None` while it is not whole. `end`: no more bytes follow. `chunks` keep the place in the body from one
/// time to the next.
fn parse(
    bytes: &[u8],
    end: bool,
    max_body: usize,
    has_body: bool,
    chunks: &mut Chunks,
) -> Result<Option<Response>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
        _ => return Err("the answer is no HTTP".into()),
    };
    let status = parsed.code.unwrap_or(0);
    let header = |name: &str| {
        let found = parsed.headers.iter();
        let mut found = found.filter(|header| header.name.eq_ignore_ascii_case(name));
        found
            .next()
            .and_then(|header| core::str::from_utf8(header.value).ok())
    };
    let body = &bytes[head..];
    let chunked = header("transfer-encoding")
        .is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
    let whole = if !has_body || matches!(status, 204 | 304) {
        Some(Vec::new())
    } else if chunked {
        chunks.read(body, max_body)?
    } else if let Some(len) = header("content-length") {
        let len: usize = len
            .trim()
            .parse()
            .map_err(|_| "the answer's length is no number")?;
        if len > max_body {
            return Err(format!("the answer has {len} bytes, too many"));
        }
        body.get(..len).map(<[u8]>::to_vec)
    } else {
        end.then(|| body.to_vec())
    };
    match whole {
        Some(whole) if whole.len() > max_body => Err("the answer is too long".into()),
        whole => Ok(whole.map(|body| Response {
            status,
            headers: parsed
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value);
                    (header.name.to_string(), value.into_owned())
                })
                .collect(),
            body,
        })),
    }
}

/// A body that comes in chunks (RFC 9112 section 7.1), as far as it is there. Against servers that send very many small
/// ones: none is read twice.
#[derive(Default)]
struct Chunks {
    /// Bytes that are read, up to the end of a chunk.
    read: usize,
    body: Vec<u8>,
}

impl Chunks {
    /// The body, once its last chunk is among `bytes`, which have grown at their end only.
    fn read(&mut self, bytes: &[u8], max_body: usize) -> Result<Option<Vec<u8>>, String> {
        while self.body.len() <= max_body {
            let rest = &bytes[self.read..];
            let (start, len) = match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) => return Ok(None),
                Err(_) => return Err("the answer's chunks are malformed".into()),
            };
            if len == 0 {
                return Ok(Some(core::mem::take(&mut self.body)));
            }
            let len = usize::try_from(len).ok();
            let end = len.and_then(|len| start.checked_add(len)?.checked_add(2));
            let end = end.ok_or("a chunk of the answer is too long")?;
            let Some(chunk) = rest.get(start..end) else {
                return Ok(None);
            };
            self.body.extend_from_slice(&chunk[..chunk.len() - 2]);
            self.read += end;
        }
        Err("the answer is too long".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_end_by_length_by_chunks_or_with_the_connection() {
        let by_length = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd";
        assert_eq!(
            read_answer(by_length, false, 9),
            Ok(Some((200, b"abc".to_vec())))
        );
        assert_eq!(read_answer(&by_length[..40], false, 9), Ok(None));
        assert!(read_answer(by_length, false, 2).is_err());
        let chunks =
            b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(
            read_answer(chunks, false, 9),
            Ok(Some((404, b"abc".to_vec())))
        );
        let mut place = Chunks::default();
        for cut in 0..chunks.len() - 5 {
            assert_eq!(read_answer(&chunks[..cut], false, 9), Ok(None), "{cut}");
            assert_eq!(parse(&chunks[..cut], false, 9, true, &mut place), Ok(None));
        }
        let whole = parse(chunks, false, 9, true, &mut place).unwrap().unwrap();
        assert_eq!(whole.body, b"abc");
        assert!(read_answer(chunks, false, 2).is_err());
        let by_end = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(read_answer(by_end, false, 9), Ok(None));
        assert_eq!(
            read_answer(by_end, true, 9),
            Ok(Some((200, b"abc".to_vec())))
        );
        assert!(read_answer(b"SSH-2.0-x\r\n", false, 9).is_err());
        let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n";
        assert!(read_answer(endless, false, 9).is_err());
    }

    #[test]
    fn an_answer_to_head_has_headers_only() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\n";
        let response = parse(answer, false, 9, false, &mut Chunks::default())
            .unwrap()
            .unwrap();
        assert_eq!((response.status, response.body.len()), (200, 0));
        assert_eq!(response.headers[1], ("X".to_string(), "y".to_string()));
        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(
            parse(empty, false, 9, true, &mut Chunks::default())
                .unwrap()
                .unwrap()
                .status,
            204
        );
    }
}
