//! Answers of servers (RFC 9110, RFC 9112).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::framing::{Chunks, Framing, MAX_HEAD};

/// Headers of an answer. Against answers that consist of nothing else.
const MAX_HEADERS: usize = 64;

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    /// Status by HTTP.
    pub(crate) status: u16,
    /// Names and values, in the server's order.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, decoded if it came in chunks.
    pub(crate) body: Vec<u8>,
}

/// What came of a request, or why nothing did.
pub(crate) type Answer = Result<Response, String>;

impl Response {
    /// The status as errors tell it. No redirect is followed: it could lead where a request may not
    /// go. So it is told where the server points to.
    pub(crate) fn outcome(&self) -> String {
        let mut headers = self.headers.iter();
        let place = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"));
        match place {
            Some((_, place)) if (300..400).contains(&self.status) => {
                let place: String = place.chars().take(200).collect();
                format!("{}, which leads to {place:?}", self.status)
            }
            _ => self.status.to_string(),
        }
    }
}

/// Reads an answer, its status and its body; `None` while it is not whole. `end`: no more bytes
/// follow.
///
/// # Errors
/// The bytes are not an answer, or its body is longer than `max_body`.
pub fn read_answer(
    bytes: &[u8],
    end: bool,
    max_body: usize,
) -> Result<Option<(u16, Vec<u8>)>, String> {
    let answer = Reader::new(max_body, true).read(bytes, end)?;
    Ok(answer.map(|response| (response.status, response.body)))
}

/// Reads one answer while it comes. It keeps its place, so that nothing is read twice: neither
/// interim answers nor chunks, of which a server may send very many small ones.
pub(super) struct Reader {
    max_body: usize,
    has_body: bool,
    /// Bytes that are read: interim answers, and then the head.
    read: usize,
    head: Option<Head>,
    chunks: Chunks,
}

impl Reader {
    /// Nothing is read. `has_body`: whether the answer can have a body.
    pub(super) fn new(max_body: usize, has_body: bool) -> Reader {
        Reader {
            max_body,
            has_body,
            read: 0,
            head: None,
            chunks: Chunks::default(),
        }
    }

    /// The answer, once it is whole. `bytes` is all that came; it may have grown at its end since
    /// the last time. `end`: no more bytes follow.
    pub(super) fn read(&mut self, bytes: &[u8], end: bool) -> Result<Option<Response>, String> {
        let framing = loop {
            if let Some(head) = &self.head {
                break head.framing;
            }
            let Some((head, len)) = self.read_head(&bytes[self.read..])? else {
                return Ok(None);
            };
            self.read += len;
            match head.status {
                101 => return Err("the answer is 101: the server wants another protocol".into()),
                // One or more may come before the answer, asked for or not (RFC 9110 section 15.2).
                100..=199 if self.read > MAX_HEAD => {
                    return Err("the server sends too many interim answers".into());
                }
                100..=199 => {}
                _ => self.head = Some(head),
            }
        };
        let rest = &bytes[self.read..];
        let body = match framing {
            Framing::NoBody => Some(Vec::new()),
            Framing::Chunks => self.chunks.read(rest, end, self.max_body)?,
            Framing::Length(len) => rest.get(..len).map(<[u8]>::to_vec),
            Framing::End if rest.len() > self.max_body => {
                return Err("the answer is too long".into());
            }
            Framing::End => end.then(|| rest.to_vec()),
        };
        Ok(body.and_then(|body| {
            let head = self.head.take()?;
            Some(Response {
                status: head.status,
                headers: head.headers,
                body,
            })
        }))
    }

    /// The head at the front of `bytes`, and its size, once it is whole.
    fn read_head(&self, bytes: &[u8]) -> Result<Option<(Head, usize)>, String> {
        let bytes = &bytes[..bytes.len().min(MAX_HEAD)];
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let mut config = httparse::ParserConfig::default();
        // Old servers fold long headers (RFC 9112 section 5.2).
        config.allow_obsolete_multiline_headers_in_responses(true);
        let len = match config.parse_response(&mut parsed, bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
            Ok(httparse::Status::Partial) => return Err("the answer's head is too long".into()),
            Err(httparse::Error::TooManyHeaders) => {
                return Err("the answer has too many headers".into());
            }
            Err(_) => return Err("the answer is not HTTP".into()),
        };
        let status = parsed.code.filter(|code| *code >= 100);
        let status = status.ok_or("the answer's status is none of HTTP")?;
        let headers: Vec<(String, String)> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_string(), text(header.value)))
            .collect();
        let framing = match status {
            100..=199 | 204 | 304 => Framing::NoBody,
            _ if !self.has_body => Framing::NoBody,
            _ => Framing::of(&headers, self.max_body)?,
        };
        let head = Head {
            status,
            headers,
            framing,
        };
        Ok(Some((head, len)))
    }
}

/// The head of an answer.
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    framing: Framing,
}

/// A header's value in one line.
fn text(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let lines = value.split(['\r', '\n']).map(str::trim);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}
