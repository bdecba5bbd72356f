//! Connections of the operator's pages, over plain HTTP/1.1: one request per connection, `GET` or
//! `HEAD`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use basalt_net::swarm::{ConnId, Effect};
use basalt_net::time::Instant;

/// Connections at once. Against clients that open many and send nothing: beyond it the oldest of
/// the address that has most gives way, first such that have not asked for anything yet.
const MAX_CONNECTIONS: usize = 32;
/// Longest request, in bytes. Against endless headers.
const MAX_REQUEST: usize = 8 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Time for a request. Against clients that send a byte at a time.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// Time for an answer. Against clients that read a byte at a time.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// A page, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Status by HTTP.
    pub status: u16,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The page's text.
    pub body: String,
}

impl Page {
    /// Plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Page {
        Page {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The page.
    pub page: Page,
    /// The request was `HEAD`: the page's headers are sent, its text is not.
    pub head_only: bool,
}

impl Answer {
    /// All that is sent. A `HEAD` gets the length of what `GET` would (RFC 9110 section 9.3.2).
    pub fn bytes(&self) -> Vec<u8> {
        let page = &self.page;
        let reason = match page.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            429 => "Too Many Requests",
            _ => "Service Unavailable",
        };
        // RFC 9110 section 15.5.6 wants it.
        let allow = match page.status {
            405 => "allow: GET, HEAD\r\n",
            _ => "",
        };
        format!(
            "HTTP/1.1 {} {reason}\r\n{allow}content-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}",
            page.status,
            page.content_type,
            page.body.len(),
            if self.head_only { "" } else { &page.body }
        )
        .into_bytes()
    }
}

/// One connection: first the request, then the answer.
struct Exchange {
    request: Vec<u8>,
    answer: Option<Vec<u8>>,
    sent: usize,
    until: Instant,
    remote: IpAddr,
}

/// All connections of the operator's pages. Their ids count down from the highest, those of the
/// swarm count up.
#[derive(Default)]
pub(crate) struct Connections {
    open: BTreeMap<ConnId, Exchange>,
    next: u64,
}

impl Connections {
    /// Takes a connection over; if there are too many, another one ends.
    pub(crate) fn accept<T>(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        out: &mut Vec<Effect<T>>,
    ) -> ConnId {
        if self.open.len() >= MAX_CONNECTIONS
            && let Some(conn) = self.expendable()
        {
            self.open.remove(&conn);
            out.push(Effect::Abort { conn });
        }
        let conn = ConnId::beside_swarm(2 * self.next);
        self.next += 1;
        let exchange = Exchange {
            request: Vec::new(),
            answer: None,
            sent: 0,
            until: now + REQUEST_TIME,
            remote: remote.ip().to_canonical(),
        };
        self.open.insert(conn, exchange);
        conn
    }

    /// The connection that may give way: of the address with the most, one without a whole request
    /// before others, and then the oldest. Ids count down, so that one has the highest.
    fn expendable(&self) -> Option<ConnId> {
        let count = |ip| self.open.values().filter(|open| open.remote == ip).count();
        let rank =
            |(conn, open): (&ConnId, &Exchange)| (count(open.remote), open.answer.is_none(), *conn);
        self.open.iter().map(rank).max().map(|(_, _, conn)| conn)
    }

    /// Whether a connection is one of these.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.open.contains_key(&conn)
    }

    /// Takes bytes of a request; `page` answers a path.
    pub(crate) fn receive<T>(
        &mut self,
        conn: ConnId,
        (now, bytes): (Instant, &[u8]),
        page: impl FnOnce(&str) -> Page,
        out: &mut Vec<Effect<T>>,
    ) {
        let Some(exchange) = self.open.get_mut(&conn) else {
            return;
        };
        if exchange.answer.is_some() {
            return;
        }
        let room = MAX_REQUEST - exchange.request.len().min(MAX_REQUEST);
        exchange
            .request
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Some(answer) = answer(&exchange.request, page) {
            exchange.answer = Some(answer.bytes());
            exchange.until = now + ANSWER_TIME;
            out.push(Effect::Output { conn });
            out.push(Effect::Close { conn });
        }
    }

    /// Fetches bytes of the answer.
    pub(crate) fn transmit(&mut self, conn: ConnId, buffer: &mut [u8]) -> usize {
        let Some(exchange) = self.open.get_mut(&conn) else {
            return 0;
        };
        let answer = exchange.answer.as_deref().unwrap_or_default();
        let left = &answer[exchange.sent..];
        let len = left.len().min(buffer.len());
        buffer[..len].copy_from_slice(&left[..len]);
        exchange.sent += len;
        if exchange.sent == answer.len() && len > 0 {
            // The edge closes the connection by itself now.
            self.open.remove(&conn);
        }
        len
    }

    /// Whether there are bytes to fetch.
    pub(crate) fn has_output(&self, conn: ConnId) -> bool {
        let exchange = self.open.get(&conn);
        exchange.is_some_and(|exchange| {
            let answer = exchange.answer.as_ref();
            answer.is_some_and(|answer| exchange.sent < answer.len())
        })
    }

    /// How many bytes of a request may come.
    pub(crate) fn receive_capacity(&self, conn: ConnId) -> usize {
        let exchange = self.open.get(&conn);
        exchange.map_or(0, |exchange| match exchange.answer {
            Some(_) => 0,
            None => MAX_REQUEST - exchange.request.len().min(MAX_REQUEST),
        })
    }

    /// Forgets a connection that is gone.
    pub(crate) fn lost(&mut self, conn: ConnId) {
        self.open.remove(&conn);
    }

    /// The other side sends nothing more. Without a whole request there is nothing to answer.
    pub(crate) fn remote_closed<T>(&mut self, conn: ConnId, out: &mut Vec<Effect<T>>) {
        let asked = self
            .open
            .get(&conn)
            .is_some_and(|open| open.answer.is_some());
        if !asked && self.open.remove(&conn).is_some() {
            out.push(Effect::Abort { conn });
        }
    }

    /// Ends what takes too long.
    pub(crate) fn timer<T>(&mut self, now: Instant, out: &mut Vec<Effect<T>>) {
        self.open.retain(|&conn, exchange| {
            let over = exchange.until <= now;
            if over {
                out.push(Effect::Abort { conn });
            }
            !over
        });
    }

    /// When to look after them next.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.open.values().map(|exchange| exchange.until).min()
    }
}

/// The answer to the bytes of a request, once they are enough; `page` answers a path.
pub fn answer(request: &[u8], page: impl FnOnce(&str) -> Page) -> Option<Answer> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let whole = match parsed.parse(request) {
        Ok(httparse::Status::Complete(_)) => true,
        Ok(httparse::Status::Partial) if request.len() < MAX_REQUEST => return None,
        _ => false,
    };
    let page = match parsed.method {
        _ if !whole => Page::text(400, "this is not an HTTP request"),
        Some("GET" | "HEAD") => page(path(parsed.path.unwrap_or("/"))),
        _ => Page::text(405, "only GET and HEAD"),
    };
    Some(Answer {
        page,
        head_only: parsed.method == Some("HEAD"),
    })
}

/// The path of a request's target, which may be a whole URL (RFC 9112 section 3.2.2).
fn path(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.starts_with('/') => {
            rest.find(['/', '?']).map_or("/", |start| &rest[start..])
        }
        _ => target,
    };
    match target.split(['?', '#']).next() {
        None | Some("") => "/",
        Some(path) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn told(connections: &mut Connections, pieces: &[&str]) -> (String, Vec<Effect>) {
        let mut out: Vec<Effect> = Vec::new();
        let now = Instant::from_millis(0);
        let conn = connections.accept(now, remote(1), &mut out);
        for piece in pieces {
            let page = |path: &str| Page::text(200, path);
            connections.receive(conn, (now, piece.as_bytes()), page, &mut out);
        }
        let mut buffer = vec![0; 7];
        let mut answer = Vec::new();
        while connections.has_output(conn) {
            let len = connections.transmit(conn, &mut buffer);
            answer.extend_from_slice(&buffer[..len]);
        }
        (String::from_utf8(answer).unwrap(), out)
    }

    #[test]
    fn a_request_in_pieces_is_answered_once_and_the_connection_ends() {
        let mut connections = Connections::default();
        let pieces = ["GET /hea", "lth?x=1 HTTP/1.1\r\nhost: x\r\n", "\r\n"];
        let (answer, out) = told(&mut connections, &pieces);
        assert_eq!(
            answer,
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 7\r\nconnection: close\r\n\r\n/health"
        );
        assert!(matches!(
            out[..],
            [Effect::Output { .. }, Effect::Close { .. }]
        ));
    }

    #[test]
    fn a_target_may_be_a_whole_url() {
        for (target, path) in [
            ("/health", "/health"),
            ("/health?a=http://b/c", "/health"),
            ("http://x/health", "/health"),
            ("HTTP://x:1/health?a", "/health"),
            ("http://x", "/"),
            ("http://x?a/b", "/"),
            ("/", "/"),
            ("/a://b", "/a://b"),
            ("*", "*"),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\n\r\n");
            let answer = answer(request.as_bytes(), |path| Page::text(200, path));
            assert_eq!(answer.unwrap().page.body, path, "{target}");
        }
    }

    #[test]
    fn head_gets_the_headers_of_get_and_no_body() {
        let mut connections = Connections::default();
        let head = "HEAD /health HTTP/1.1\r\nhost: x\r\n\r\n";
        let (by_get, _) = told(&mut connections, &[&head.replace("HEAD", "GET")]);
        let headers = by_get.strip_suffix("/health").unwrap();
        let (early, late) = head.split_at(30);
        for pieces in [
            &[head][..],
            &[early, late],
            &[&head.replace("h HTTP", "h?x HTTP")],
        ] {
            let (by_head, out) = told(&mut connections, pieces);
            assert_eq!(by_head, headers);
            assert!(by_head.contains("\r\ncontent-length: 7\r\n"));
            assert!(matches!(
                out[..],
                [Effect::Output { .. }, Effect::Close { .. }]
            ));
        }
        // What is refused has no body either.
        let endless = "HEAD / HTTP/1.1\r\n".to_string() + &"x: y\r\n".repeat(2_000);
        let (refused, _) = told(&mut connections, &[&endless]);
        assert!(refused.starts_with("HTTP/1.1 400 ") && refused.ends_with("\r\n\r\n"));
    }

    #[test]
    fn other_methods_and_other_protocols_are_refused() {
        let mut connections = Connections::default();
        let status = |connections: &mut Connections, request: &str| {
            told(connections, &[request]).0[9..12].to_string()
        };
        for method in ["POST", "OPTIONS", "DELETE", "head", "HEADER"] {
            let (answer, _) = told(&mut connections, &[&format!("{method} / HTTP/1.1\r\n\r\n")]);
            assert_eq!(
                answer,
                "HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 17\r\nconnection: close\r\n\r\nonly GET and HEAD"
            );
        }
        assert_eq!(status(&mut connections, "\x13/multistream/1.0.0\n"), "400");
        let endless = "GET / HTTP/1.1\r\n".to_string() + &"x: y\r\n".repeat(2_000);
        assert_eq!(status(&mut connections, &endless), "400");
    }

    fn remote(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 40_000).into()
    }

    fn aborted(out: Vec<Effect>) -> Vec<ConnId> {
        let conn = |effect| match effect {
            Effect::Abort { conn } => Some(conn),
            _ => None,
        };
        out.into_iter().filter_map(conn).collect()
    }

    #[test]
    fn silence_is_ended() {
        let mut connections = Connections::default();
        let now = Instant::from_millis(0);
        let mut out: Vec<Effect> = Vec::new();
        let asked = connections.accept(now, remote(1), &mut out);
        let silent = connections.accept(now, remote(1), &mut out);
        let slow = connections.accept(now, remote(1), &mut out);
        let page = |path: &str| Page::text(200, path);
        let request = b"GET / HTTP/1.1\r\n\r\n";
        connections.receive(asked, (now, request), page, &mut out);
        connections.receive(slow, (now, &request[..9]), page, &mut out);
        out.clear();
        connections.timer(now + REQUEST_TIME, &mut out);
        assert_eq!(aborted(core::mem::take(&mut out)), [slow, silent]);
        assert_eq!(connections.wake_at(), Some(now + ANSWER_TIME));
        connections.timer(now + ANSWER_TIME, &mut out);
        assert_eq!(aborted(out), [asked]);
    }

    #[test]
    fn those_who_say_nothing_keep_nobody_out() {
        let mut connections = Connections::default();
        let now = Instant::from_millis(0);
        let mut out: Vec<Effect> = Vec::new();
        let other = connections.accept(now, remote(2), &mut out);
        let idle: Vec<ConnId> = (1..MAX_CONNECTIONS)
            .map(|_| connections.accept(now, remote(1), &mut out))
            .collect();
        let page = |path: &str| Page::text(200, path);
        let request = b"GET / HTTP/1.1\r\n\r\n";
        connections.receive(idle[0], (now, request), page, &mut out);
        out.clear();
        // The operator comes, from anywhere: of the address with most the oldest that is silent
        // goes.
        for (host, gone) in [(3, idle[1]), (1, idle[2]), (2, idle[3])] {
            connections.accept(now, remote(host), &mut out);
            assert_eq!(aborted(core::mem::take(&mut out)), [gone]);
        }
        // However many come, who asks at once is answered.
        for _ in 0..1000 {
            connections.accept(now, remote(1), &mut out);
            assert!(connections.open.len() <= MAX_CONNECTIONS);
        }
        assert!(connections.has(other) && connections.has(idle[0]));
    }
}
