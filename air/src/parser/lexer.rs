//! Source to tokens (AIR spec section 2.1).

use super::error::ParseErrorKind as Kind;
use crate::ast::Text;

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    OpenSquare,
    CloseSquare,
    Keyword(Keyword),
    /// A literal without its quotes.
    Literal(Text),
    Int(i64),
    Float(f64),
    True,
    False,
    InitPeerId,
    Timestamp,
    Ttl,
    LastError(Option<Text>),
    Error(Option<Text>),
    Variable(Sigil, Text, Option<Text>),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Call,
    Canon,
    Ap,
    Seq,
    Par,
    Fail,
    Fold,
    Xor,
    Never,
    New,
    Next,
    Null,
    Match,
    Mismatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sigil {
    Scalar,
    Stream,
    Map,
    Canon,
    CanonMap,
}

type Result<T> = core::result::Result<T, (usize, Kind)>;

pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Lexer { source, at: 0 }
    }

    /// The first byte of the next token, which stays where it is; none at the end.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.source.as_bytes().get(self.at).copied()
    }

    /// Where the next token starts.
    pub(super) fn position(&mut self) -> usize {
        self.skip_blanks();
        self.at
    }

    /// Takes the token `byte`, which must be punctuation, if it is the next; tells where it stood.
    pub(super) fn take(&mut self, byte: u8) -> Option<usize> {
        (self.peek() == Some(byte)).then(|| {
            self.at += 1;
            self.at - 1
        })
    }

    /// The next token; [`TokenKind::End`] at the end, again and again.
    pub(super) fn token(&mut self) -> Result<Token> {
        let Some(first) = self.peek() else {
            let (kind, start) = (TokenKind::End, self.at);
            return Ok(Token { kind, start });
        };
        let start = self.at;
        let kind = match first {
            b'(' => self.single(TokenKind::Open),
            b')' => self.single(TokenKind::Close),
            b'[' => self.single(TokenKind::OpenSquare),
            b']' => self.single(TokenKind::CloseSquare),
            b'"' => self.literal()?,
            _ => self.word()?,
        };
        Ok(Token { kind, start })
    }

    fn single(&mut self, kind: TokenKind) -> TokenKind {
        self.at += 1;
        kind
    }

    fn skip_blanks(&mut self) {
        let bytes = self.source.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t'..=b'\r' => self.at += 1,
                b';' => {
                    let line = memchr::memchr(b'\n', &bytes[self.at..]);
                    self.at = line.map_or(bytes.len(), |end| self.at + end + 1);
                }
                0x80.. => match self.foreign_blank() {
                    Some(len) => self.at += len,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// Length of the blank beyond ASCII that stands here.
    fn foreign_blank(&self) -> Option<usize> {
        let char = self.source.get(self.at..)?.chars().next()?;
        char.is_whitespace().then_some(char.len_utf8())
    }

    fn literal(&mut self) -> Result<TokenKind> {
        let start = self.at + 1;
        let len = memchr::memchr(b'"', &self.source.as_bytes()[start..])
            .ok_or((self.at, Kind::UnclosedQuote))?;
        self.at = start + len + 1;
        Ok(TokenKind::Literal(text(start, start + len)))
    }

    /// A word ends at a blank or at a closing bracket that the word did not open.
    fn word(&mut self) -> Result<TokenKind> {
        let start = self.at;
        let bytes = self.source.as_bytes();
        let (mut round, mut square) = (0usize, 0usize);
        self.at += 1;
        loop {
            // Most bytes are of the plain sort.
            let rest = &bytes[self.at..];
            let plain = rest.iter().position(|&byte| !PLAIN[usize::from(byte)]);
            self.at += plain.unwrap_or(rest.len());
            let Some(&byte) = bytes.get(self.at) else {
                break;
            };
            match byte {
                b' ' | b'\t'..=b'\r' => break,
                b'(' => round += 1,
                b'[' => square += 1,
                b')' if round == 0 => break,
                b']' if square == 0 => break,
                b')' => round -= 1,
                b']' => square -= 1,
                // Bytes within a character are no boundary, and stand for no blank.
                0x80.. if self.foreign_blank().is_some() => break,
                _ => {}
            }
            self.at += 1;
        }
        classify(&self.source[start..self.at], start)
    }
}

/// Bytes that can't end a word and open no bracket.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] =
            !matches!(byte as u8, b' ' | b'\t'..=b'\r' | b'(' | b'[' | b')' | b']' | 0x80..);
        byte += 1;
    }
    plain
};

fn text(start: usize, end: usize) -> Text {
    Text {
        start: start as u32,
        end: end as u32,
    }
}

/// Longest word that is matched as a whole.
const RESERVED_LEN: usize = "%init_peer_id%".len();

fn classify(word: &str, start: usize) -> Result<TokenKind> {
    if word.len() > RESERVED_LEN {
        return special(word, start);
    }
    let keyword = match word.as_bytes() {
        b"call" => Keyword::Call,
        b"canon" => Keyword::Canon,
        b"ap" => Keyword::Ap,
        b"seq" => Keyword::Seq,
        b"par" => Keyword::Par,
        b"fail" => Keyword::Fail,
        b"fold" => Keyword::Fold,
        b"xor" => Keyword::Xor,
        b"never" => Keyword::Never,
        b"new" => Keyword::New,
        b"next" => Keyword::Next,
        b"null" => Keyword::Null,
        b"match" => Keyword::Match,
        b"mismatch" => Keyword::Mismatch,
        b"true" => return Ok(TokenKind::True),
        b"false" => return Ok(TokenKind::False),
        b"%init_peer_id%" => return Ok(TokenKind::InitPeerId),
        b"%timestamp%" => return Ok(TokenKind::Timestamp),
        b"%ttl%" => return Ok(TokenKind::Ttl),
        _ => return special(word, start),
    };
    Ok(TokenKind::Keyword(keyword))
}

fn special(word: &str, start: usize) -> Result<TokenKind> {
    let end = start + word.len();
    let lens = |rest: &str| (!rest.is_empty()).then(|| text(end - rest.len(), end));
    if word.as_bytes()[0].is_ascii_alphabetic() {
        return variable(word, start);
    }
    if let Some(rest) = word.strip_prefix(":error:") {
        return Ok(TokenKind::Error(lens(rest)));
    }
    if let Some(rest) = word.strip_prefix("%last_error%") {
        return Ok(TokenKind::LastError(lens(rest)));
    }
    if is_number(word) {
        number(word, start)
    } else {
        variable(word, start)
    }
}

/// Digits with at most one dot, perhaps behind a sign; a sign alone counts, to be refused.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let mut dots = 0;
    digits.chars().all(|char| {
        dots += usize::from(char == '.');
        char == '.' || char.is_numeric()
    }) && dots <= 1
}

fn is_integer(word: &str) -> bool {
    is_number(word) && !word.contains('.')
}

/// Longest word of a float, in bytes.
const FLOAT_LEN: usize = 11;

fn number(word: &str, start: usize) -> Result<TokenKind> {
    let refuse = |reason| Err((start, Kind::Number(reason)));
    let Some(dot) = word.find('.') else {
        return match word.parse() {
            Ok(number) => Ok(TokenKind::Int(number)),
            Err(_) => refuse("not an integer of 64 bits"),
        };
    };
    if !word[..dot].ends_with(char::is_numeric) {
        return refuse("leading dot without any symbols before");
    }
    if word.len() > FLOAT_LEN {
        return refuse("this float is too big, a float could contain less than 12 digits");
    }
    match word.parse() {
        Ok(number) => Ok(TokenKind::Float(number)),
        Err(_) => refuse("not a float"),
    }
}

/// Where the first dot of a name with a sigil may stand at the earliest, counted from the sigil.
/// The reference's lexer looks for it only from there (AIR spec section 2.1, corner cases).
const SIGIL_DOT: usize = 3;

/// Length of the name at the start of `text`.
fn name_len(text: &str) -> usize {
    let ascii = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match text.bytes().position(|byte| !ascii(&byte)) {
        None => text.len(),
        Some(len) if text.as_bytes()[len].is_ascii() => len,
        Some(_) => text
            .find(|char: char| !(char.is_alphanumeric() || char == '_' || char == '-'))
            .unwrap_or(text.len()),
    }
}

fn variable(word: &str, start: usize) -> Result<TokenKind> {
    let bytes = word.as_bytes();
    // Also a quirk: a percent sign in the second place decides alone.
    let (sigil, prefix) = match (bytes[0], bytes.get(1)) {
        (_, Some(b'%')) => (Sigil::CanonMap, 2),
        (b'#', Some(b'$')) => (Sigil::Canon, 2),
        (b'#', _) => (Sigil::Canon, 1),
        (b'$', _) => (Sigil::Stream, 1),
        (b'%', _) => (Sigil::Map, 1),
        _ => (Sigil::Scalar, 0),
    };
    let rest = &word[prefix..];
    let len = name_len(rest);
    let name_end = prefix + len;
    if len == 0 {
        return Err((start, Kind::Name("a tagged name should be non empty")));
    }
    let first = word.chars().next().unwrap_or(' ');
    if !first.is_alphanumeric() && !matches!(first, '+' | '-' | '_' | '$' | '#' | '%') {
        return Err((start, Kind::Name("a word can't begin with this character")));
    }
    // A lens makes no variable of a number.
    if sigil == Sigil::Scalar && name_end < word.len() && is_integer(&word[..name_end]) {
        return Err((start, Kind::Number("a number has no lens")));
    }
    let end = start + word.len();
    let name = text(start, start + name_end);
    match bytes.get(name_end) {
        None => Ok(TokenKind::Variable(sigil, name, None)),
        Some(b'.') if sigil == Sigil::Scalar || name_end >= SIGIL_DOT => Ok(TokenKind::Variable(
            sigil,
            name,
            Some(text(start + name_end, end)),
        )),
        Some(_) => Err((
            start + name_end,
            Kind::Name("only alphanumeric, '_', and '-' characters are allowed in this position"),
        )),
    }
}
