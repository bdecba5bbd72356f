//! The opening handshake (RFC 6455 section 4).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::error::WebSocketError;

/// Longest request or answer taken, in bytes. Bounds the memory for a peer that has proven nothing.
pub const MAX_HTTP: usize = 8 * 1024;
/// Most headers taken.
const MAX_HEADERS: usize = 64;
/// Appended to the key before it is hashed (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The answer to a client that asks for something else than a WebSocket.
const REFUSAL: &str = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: close\r\n\
    Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n";

/// The answer to a key.
fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

/// Whether a comma-separated header holds `token`, in any case.
fn has_token(value: &[u8], token: &str) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The one value of a header.
fn header<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case(name))
        .map(|h| h.value)
}

fn http_error(error: httparse::Error) -> WebSocketError {
    match error {
        httparse::Error::TooManyHeaders => WebSocketError::HttpTooBig,
        _ => WebSocketError::Http,
    }
}

fn incomplete(bytes: &[u8]) -> Result<Option<usize>, WebSocketError> {
    if bytes.len() < MAX_HTTP {
        Ok(None)
    } else {
        Err(WebSocketError::HttpTooBig)
    }
}

/// The server's side: reads a request from the front of `bytes` and appends the answer to `out`.
/// Gives the request's size, or `None` if it is incomplete. After an error the answer, if there is
/// one, is to be sent before the connection is closed.
pub fn accept(bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, WebSocketError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let size = match request.parse(bytes).map_err(http_error)? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return incomplete(bytes),
    };
    let has = |name, token| header(request.headers, name).is_some_and(|v| has_token(v, token));
    let key = header(request.headers, "Sec-WebSocket-Key").filter(|key| key.len() == 24);
    let upgrade = request.method == Some("GET")
        && request.version == Some(1)
        && has("Upgrade", "websocket")
        && has("Connection", "upgrade")
        && header(request.headers, "Sec-WebSocket-Version") == Some(b"13");
    let Some(key) = key.filter(|_| upgrade) else {
        out.extend_from_slice(REFUSAL.as_bytes());
        return Err(WebSocketError::NotAnUpgrade);
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)
    );
    out.extend_from_slice(answer.as_bytes());
    Ok(Some(size))
}

/// A path as it stands in a request: whatever could end it is escaped (RFC 3986 section 3.3). Who
/// names the address chooses the path.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

/// The client's side: a request that waits for its answer.
#[derive(Clone, Debug)]
pub struct Request {
    key: String,
}

impl Request {
    /// Appends the request to `out`; `host` is the authority, `path` what is asked for, without the
    /// slash in front, and `entropy` becomes the key.
    pub fn new(host: &str, path: &str, entropy: [u8; 16], out: &mut Vec<u8>) -> Self {
        let key = STANDARD.encode(entropy);
        let path = escaped(path.strip_prefix('/').unwrap_or(path));
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        out.extend_from_slice(request.as_bytes());
        Self { key }
    }

    /// Reads the answer from the front of `bytes`. Gives its size, or `None` if it is incomplete.
    pub fn read_answer(&self, bytes: &[u8]) -> Result<Option<usize>, WebSocketError> {
        let mut read = 0;
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            read += match response.parse(&bytes[read..]).map_err(http_error)? {
                httparse::Status::Complete(size) => size,
                httparse::Status::Partial => return incomplete(bytes),
            };
            match response.code {
                Some(101) if self.fits(&response) => return Ok(Some(read)),
                Some(101) => return Err(WebSocketError::BadAnswer),
                // Interim answers may come first, asked for or not (RFC 9110 section 15.2).
                Some(100..=199) if read < MAX_HTTP => {}
                Some(100..=199) => return Err(WebSocketError::HttpTooBig),
                status => return Err(WebSocketError::Status(status.unwrap_or(0))),
            }
        }
    }

    /// Whether an answer is the one to this request.
    fn fits(&self, response: &httparse::Response<'_, '_>) -> bool {
        let has = |name, token| header(response.headers, name).is_some_and(|v| has_token(v, token));
        let accept = header(response.headers, "Sec-WebSocket-Accept");
        has("Upgrade", "websocket")
            && has("Connection", "upgrade")
            && accept == Some(accept_key(self.key.as_bytes()).as_bytes())
            && header(response.headers, "Sec-WebSocket-Extensions").is_none()
            && header(response.headers, "Sec-WebSocket-Protocol").is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// What a JavaScript client sends.
    const REQUEST: &str = "GET /p2p/12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D HTTP/1.1\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Connection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
        Host: 127.0.0.1:19990\r\n\r\n";

    #[test]
    fn accepts_with_the_key_of_the_rfc_and_nothing_else() {
        let mut out = vec![];
        let input = [REQUEST.as_bytes(), b"next"].concat();
        assert_eq!(accept(&input, &mut out), Ok(Some(REQUEST.len())));
        let answer = core::str::from_utf8(&out).unwrap();
        assert_eq!(
            answer,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        );
        assert_eq!(answer.len(), 129);
    }

    #[test]
    fn waits_for_the_whole_request() {
        let mut out = vec![];
        for len in 0..REQUEST.len() {
            assert_eq!(accept(&REQUEST.as_bytes()[..len], &mut out), Ok(None));
        }
        assert!(out.is_empty());
    }

    #[test]
    fn refuses_what_is_no_upgrade() {
        for (from, to) in [
            ("GET", "POST"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("Upgrade: websocket", "Upgrade: h2c"),
            ("Connection: Upgrade", "Connection: close"),
            ("Version: 13", "Version: 8"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        ] {
            let mut out = vec![];
            let request = REQUEST.replacen(from, to, 1);
            assert_eq!(
                accept(request.as_bytes(), &mut out),
                Err(WebSocketError::NotAnUpgrade)
            );
            assert!(out.starts_with(b"HTTP/1.1 426 "));
        }
        assert_eq!(
            accept(b"\x13/multistream/1.0.0\n", &mut vec![]),
            Err(WebSocketError::Http)
        );
        let endless = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'a'; MAX_HTTP]].concat();
        assert_eq!(
            accept(&endless, &mut vec![]),
            Err(WebSocketError::HttpTooBig)
        );
        let many = std::format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(65));
        assert_eq!(
            accept(many.as_bytes(), &mut vec![]),
            Err(WebSocketError::HttpTooBig)
        );
    }

    #[test]
    fn a_path_stays_within_its_line() {
        for (path, line) in [
            ("a/b?c=d", "GET /a/b?c=d HTTP/1.1\r\n"),
            ("/a", "GET /a HTTP/1.1\r\n"),
            ("a b\r\nx: é", "GET /a%20b%0D%0Ax:%20%C3%A9 HTTP/1.1\r\n"),
            ("100%#", "GET /100%25%23 HTTP/1.1\r\n"),
        ] {
            let (mut request, mut answer) = (vec![], vec![]);
            Request::new("a:1", path, [7; 16], &mut request);
            assert!(request.starts_with(line.as_bytes()), "{path}");
            assert_eq!(accept(&request, &mut answer), Ok(Some(request.len())));
        }
    }

    #[test]
    fn both_sides_agree() {
        let (mut request, mut answer) = (vec![], vec![]);
        let client = Request::new("[::1]:999", "", [7; 16], &mut request);
        assert!(request.starts_with(b"GET / HTTP/1.1\r\nHost: [::1]:999\r\n"));
        assert_eq!(accept(&request, &mut answer), Ok(Some(request.len())));
        assert_eq!(client.read_answer(&answer), Ok(Some(answer.len())));
        assert_eq!(client.read_answer(&answer[..50]), Ok(None));
        let other = Request::new("[::1]:999", "", [8; 16], &mut vec![]);
        assert_eq!(other.read_answer(&answer), Err(WebSocketError::BadAnswer));
        let refused = client.read_answer(REFUSAL.as_bytes());
        assert_eq!(refused, Err(WebSocketError::Status(426)));
    }

    #[test]
    fn interim_answers_come_before_the_answer() {
        let (mut request, mut answer) = (vec![], vec![]);
        let client = Request::new("a", "/", [7; 16], &mut request);
        accept(&request, &mut answer).unwrap();
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: </a>\r\n\r\n";
        let whole = [interim.as_bytes(), &answer].concat();
        assert_eq!(client.read_answer(&whole), Ok(Some(whole.len())));
        for cut in 0..whole.len() {
            assert_eq!(client.read_answer(&whole[..cut]), Ok(None), "{cut}");
        }
        let refused = [interim.as_bytes(), REFUSAL.as_bytes()].concat();
        let error = Err(WebSocketError::Status(426));
        assert_eq!(client.read_answer(&refused), error);
        let endless = interim.repeat(MAX_HTTP / interim.len() + 1);
        let error = Err(WebSocketError::HttpTooBig);
        assert_eq!(client.read_answer(endless.as_bytes()), error);
    }
}
