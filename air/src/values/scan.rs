//! Texts looked at without parsing them.

use alloc::vec::Vec;
use core::ops::Range;

/// Deepest nesting that readers accept.
const MAX_DEPTH: usize = 127;

/// Whether `text` is canonical JSON for sure.
///
/// `false` means: parse it and write it again. That is the answer for all floats, whose layout only
/// the writer knows, and for escaped keys.
pub(super) fn is_canonical(text: &str) -> bool {
    Scanner {
        bytes: text.as_bytes(),
        at: 0,
    }
    .document()
    .is_some()
}

/// A container that was entered: for an object, where its last key is.
enum Open {
    Array,
    Object(Range<usize>),
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Option<()> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            // A value begins here.
            match self.peek()? {
                b'[' => {
                    self.at += 1;
                    if self.peek()? != b']' {
                        stack.push(Open::Array);
                        self.check_depth(&stack)?;
                        continue;
                    }
                    self.at += 1;
                }
                b'{' => {
                    self.at += 1;
                    if self.peek()? != b'}' {
                        let key = self.key()?;
                        stack.push(Open::Object(key));
                        self.check_depth(&stack)?;
                        continue;
                    }
                    self.at += 1;
                }
                b'"' => self.string(true).map(drop)?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.integer()?,
            }
            // A value ended here.
            loop {
                match stack.last_mut() {
                    None => return (self.at == self.bytes.len()).then_some(()),
                    Some(Open::Array) => match self.bump()? {
                        b',' => break,
                        b']' => {}
                        _ => return None,
                    },
                    Some(Open::Object(last)) => match self.bump()? {
                        b',' => {
                            let key = self.key()?;
                            if self.bytes[last.clone()] >= self.bytes[key.clone()] {
                                return None;
                            }
                            *last = key;
                            break;
                        }
                        b'}' => {}
                        _ => return None,
                    },
                }
                stack.pop();
            }
        }
    }

    fn check_depth(&self, stack: &[Open]) -> Option<()> {
        (stack.len() <= MAX_DEPTH).then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn key(&mut self) -> Option<Range<usize>> {
        let key = self.string(false)?;
        (self.bump()? == b':').then_some(key)
    }

    /// A string; returns what is between its quotes.
    fn string(&mut self, escapes: bool) -> Option<Range<usize>> {
        if self.bump()? != b'"' {
            return None;
        }
        let start = self.at;
        loop {
            let run = memchr::memchr2(b'"', b'\\', &self.bytes[self.at..])?;
            let piece = &self.bytes[self.at..self.at + run];
            if any(piece, |byte| byte < 0x20) {
                return None;
            }
            self.at += run;
            if self.bump()? == b'"' {
                return Some(start..self.at - 1);
            }
            if !escapes {
                return None;
            }
            self.escape()?;
        }
    }

    /// The shortest escapes, as they are written.
    fn escape(&mut self) -> Option<()> {
        match self.bump()? {
            b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r' => Some(()),
            b'u' => {
                let digits: &[u8; 4] = self.bytes.get(self.at..)?.first_chunk()?;
                self.at += 4;
                let fine = match digits {
                    [b'0', b'0', b'0', low] => matches!(low, b'0'..=b'7' | b'b' | b'e' | b'f'),
                    [b'0', b'0', b'1', low] => matches!(low, b'0'..=b'9' | b'a'..=b'f'),
                    _ => false,
                };
                fine.then_some(())
            }
            _ => None,
        }
    }

    /// An integer that surely fits 64 bits.
    fn integer(&mut self) -> Option<()> {
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let digits = self.bytes[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let first = self.peek()?;
        self.at += digits;
        let fits = (1..=18).contains(&digits) && (first != b'0' || (digits == 1 && !negative));
        (fits && !matches!(self.peek(), Some(b'.' | b'e' | b'E'))).then_some(())
    }
}

/// Whether a byte satisfies `test`. Without a branch per byte, so that it runs on vectors.
pub(super) fn any(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    const WIDTH: usize = 16;
    let found = |bytes: &[u8]| bytes.iter().fold(false, |found, &byte| found | test(byte));
    // The last ones once more as a whole vector, instead of one by one.
    match bytes.last_chunk::<WIDTH>() {
        None => found(bytes),
        Some(last) => {
            let (chunks, _) = bytes.as_chunks::<WIDTH>();
            chunks
                .iter()
                .fold(found(last), |before, chunk| before | found(chunk))
        }
    }
}

/// Whether two canonical texts stand for equal values: `-0.0` equals `0.0`, all else is as written.
pub(crate) fn texts_equal(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    let mut in_string = false;
    while let (Some(&l), Some(&r)) = (left.first(), right.first()) {
        if l == r {
            match l {
                b'"' => in_string = !in_string,
                // What follows a backslash is the same on both sides, or a difference.
                b'\\' if in_string => {
                    if left.get(1) != right.get(1) {
                        return false;
                    }
                    (left, right) = (&left[1..], &right[1..]);
                }
                _ => {}
            }
            (left, right) = (&left[1..], &right[1..]);
        } else if !in_string && is_negative_zero(left) {
            left = &left[1..];
        } else if !in_string && is_negative_zero(right) {
            right = &right[1..];
        } else {
            return false;
        }
    }
    left.is_empty() && right.is_empty()
}

fn is_negative_zero(text: &[u8]) -> bool {
    text.strip_prefix(b"-0.0")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b',' | b']' | b'}')))
}
