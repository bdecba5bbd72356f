//! Answers of servers (RFC 9112).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Bytes that the head of an answer may take. Against heads without an end.
pub(super) const MAX_HEAD: usize = 16 * 1024;
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
    let answer = parse(bytes, end, max_body, true, &mut Chunks::default())?;
    Ok(answer.map(|response| (response.status, response.body)))
}

/// Reads an answer; `None` while it is not whole. `end`: no more bytes follow. `chunks` keep the
/// place in the body from one time to the next.
pub(super) fn parse(
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
        _ => return Err("the answer is not HTTP".into()),
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
            .map_err(|_| "the answer's length is not a number")?;
        if len > max_body {
            return Err(format!("the answer has {len} bytes, more than {max_body}"));
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

/// A body that comes in chunks (RFC 9112 section 7.1), as far as it is there. Against servers that
/// send very many small ones: none is read twice.
#[derive(Default)]
pub(super) struct Chunks {
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
