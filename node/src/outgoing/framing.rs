//! Where the body of an answer ends (RFC 9112 sections 6 and 7).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that the head of an answer may take, and so many that all interim answers may take and
/// that trailers may take. Against heads without an end.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Bytes of the line before a chunk, with its extensions. Against lines without an end, which would
/// be read again with each piece that comes.
const MAX_LINE: usize = 4 * 1024;
/// Trailers after the chunks.
const MAX_TRAILERS: usize = 64;

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body.
    NoBody,
    /// It has so many bytes.
    Length(usize),
    /// It comes in chunks.
    Chunks,
    /// It ends with the connection.
    End,
}

impl Framing {
    /// The framing of a body by its headers: chunks go before a length (RFC 9112 section 6.3).
    pub(super) fn of(headers: &[(String, String)], max_body: usize) -> Result<Framing, String> {
        // With `identity`, which old servers write, nothing is coded.
        let mut codings = items(headers, "transfer-encoding")
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
        match (codings.next(), codings.next()) {
            (None, _) => {}
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => {
                return Ok(Framing::Chunks);
            }
            // Nobody has asked for a coding.
            _ => return Err("the answer's transfer coding is not chunked".into()),
        }
        let mut found = None;
        for item in items(headers, "content-length") {
            if item.is_empty() || !item.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("the answer's length is not a number".into());
            }
            // Digits fail only as a number that is too large.
            let len: usize = item.parse().unwrap_or(usize::MAX);
            if found.is_some_and(|known| known != len) {
                return Err("the answer has two lengths that differ".into());
            }
            found = Some(len);
        }
        match found {
            None => Ok(Framing::End),
            Some(len) if len <= max_body => Ok(Framing::Length(len)),
            Some(len) => Err(format!("the answer has {len} bytes, more than {max_body}")),
        }
    }
}

/// The items of a list that stands in headers of this name.
fn items<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    let headers = headers.iter();
    headers
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .flat_map(|(_, value)| value.split(',').map(str::trim))
}

/// A body that comes in chunks (RFC 9112 section 7.1), as far as it is there. Against servers that
/// send very many small ones: none is read twice.
#[derive(Default)]
pub(super) struct Chunks {
    /// Bytes that are read, up to the end of a chunk.
    read: usize,
    body: Vec<u8>,
    /// The last chunk is read: trailers may follow.
    last: bool,
}

impl Chunks {
    /// The body, once its end is among `bytes`, which have grown at their end only. `end`: no more
    /// bytes follow.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        end: bool,
        max_body: usize,
    ) -> Result<Option<Vec<u8>>, String> {
        while !self.last {
            if !self.read_chunk(&bytes[self.read..], max_body)? {
                return Ok(None);
            }
        }
        // Without the end of its trailers a body is whole all the same (RFC 9112 section 8).
        let whole = trailers_are_over(&bytes[self.read..])? || end;
        Ok(whole.then(|| core::mem::take(&mut self.body)))
    }

    /// Reads a chunk at the front of `bytes`; false while it is not whole.
    fn read_chunk(&mut self, bytes: &[u8], max_body: usize) -> Result<bool, String> {
        let malformed = || "the answer's chunks are malformed".into();
        let line = &bytes[..bytes.len().min(MAX_LINE)];
        // The parser takes a line without digits for the last chunk.
        if line.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let (start, len) = match httparse::parse_chunk_size(line) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) if line.len() < MAX_LINE => return Ok(false),
            _ => return Err(malformed()),
        };
        if len == 0 {
            self.last = true;
            self.read += start;
            return Ok(true);
        }
        let room = max_body - self.body.len();
        let len = usize::try_from(len).ok().filter(|len| *len <= room);
        let len = len.ok_or("the answer is too long")?;
        let rest = &bytes[start..];
        let Some((chunk, after)) = rest.split_at_checked(len) else {
            return Ok(false);
        };
        match after {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok(false),
            _ => return Err(malformed()),
        }
        self.body.extend_from_slice(chunk);
        self.read += start + len + 2;
        Ok(true)
    }
}

/// Whether the empty line that ends trailers is among `bytes`. Nobody here wants what they say.
fn trailers_are_over(bytes: &[u8]) -> Result<bool, String> {
    let bytes = &bytes[..bytes.len().min(MAX_HEAD)];
    let mut trailers = [httparse::EMPTY_HEADER; MAX_TRAILERS];
    match httparse::parse_headers(bytes, &mut trailers) {
        Ok(httparse::Status::Complete(_)) => Ok(true),
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Ok(false),
        _ => Err("the answer's trailers are malformed".into()),
    }
}
