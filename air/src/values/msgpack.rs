//! Canonical JSON text to MessagePack.
//!
//! MessagePack wants the length of a container before its elements: one pass over the text counts
//! them, a second writes. Neither recurses, so texts of any depth can be written.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::msgpack::put;

/// Lengths of containers; kept between texts to spare allocations.
#[derive(Default)]
pub(crate) struct Counts {
    /// Of all containers, in the order they begin.
    lens: Vec<usize>,
    /// Containers that are open, innermost last.
    open: Vec<usize>,
}

/// Appends `text`, which must be canonical JSON, as MessagePack.
pub(crate) fn json_to_msgpack(text: &str, counts: &mut Counts, out: &mut Vec<u8>) {
    counts.count(text);
    let mut counts = counts.lens.iter().copied();
    for token in Tokens(text) {
        match token {
            Token::Array => put::array_len(out, counts.next().unwrap_or(0)),
            Token::Object => put::map_len(out, counts.next().unwrap_or(0)),
            Token::Scalar(text) => scalar(text, out),
            Token::Comma | Token::Close => {}
        }
    }
}

impl Counts {
    fn count(&mut self, text: &str) {
        let Counts { lens, open } = self;
        lens.clear();
        open.clear();
        let mut empty = true;
        for token in Tokens(text) {
            match token {
                Token::Array | Token::Object => {
                    open.push(lens.len());
                    lens.push(0);
                }
                Token::Comma => {
                    if let Some(&container) = open.last() {
                        lens[container] += 1;
                    }
                }
                Token::Close => {
                    if let (Some(container), false) = (open.pop(), empty) {
                        lens[container] += 1;
                    }
                }
                Token::Scalar(_) => {}
            }
            empty = matches!(token, Token::Array | Token::Object);
        }
    }
}

#[derive(Clone, Copy)]
enum Token<'t> {
    Array,
    Object,
    Close,
    Comma,
    /// A scalar or a key, as written.
    Scalar(&'t str),
}

struct Tokens<'t>(&'t str);

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            let (token, len) = match self.0.as_bytes().first()? {
                b'[' => (Token::Array, 1),
                b'{' => (Token::Object, 1),
                b']' | b'}' => (Token::Close, 1),
                b',' => (Token::Comma, 1),
                b':' => {
                    self.0 = &self.0[1..];
                    continue;
                }
                b'"' => {
                    let len = string_len(self.0.as_bytes());
                    (Token::Scalar(&self.0[..len]), len)
                }
                _ => {
                    let len = self.0.find([',', ']', '}', ':']).unwrap_or(self.0.len());
                    (Token::Scalar(&self.0[..len]), len)
                }
            };
            self.0 = &self.0[len..];
            return Some(token);
        }
    }
}

/// Length of the string at the start, with its quotes.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(run) = text
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += run + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn scalar(text: &str, out: &mut Vec<u8>) {
    match text.as_bytes() {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
            put::str(out, &text[1..text.len() - 1]);
        }
        [b'"', ..] => {
            let unescaped: Cow<'_, str> = serde_json::from_str(text).unwrap_or_default();
            put::str(out, &unescaped);
        }
        b"null" => put::nil(out),
        b"true" => put::bool(out, true),
        b"false" => put::bool(out, false),
        _ => {
            if let Ok(number) = text.parse::<u64>() {
                put::uint(out, number);
            } else if let Ok(number) = text.parse::<i64>() {
                put::sint(out, number);
            } else {
                // The text is our own, the shortest that stands for the number.
                put::f64(out, text.parse().unwrap_or_default());
            }
        }
    }
}
