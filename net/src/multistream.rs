//! multistream-select 1.0: two sides agree on the protocol of a connection or stream.
//!
//! A message is a varint length, a line of text and `\n`; the length counts the `\n`. Each side
//! sends the header, the dialer proposes protocols, the responder repeats the one it takes or
//! answers `na`.
//!
//! [`Dialer`] sends its header and its only proposal in one go and reads the answers after that.
//! [`Responder`] takes header, proposal and the next layer's first bytes however they arrive. Both
//! take from the front of the bytes they are given exactly what is theirs.

use alloc::vec::Vec;
use core::fmt;

use basalt_terms::varint::{self, VarintError};

/// The line both sides start with.
const HEADER: &str = "/multistream/1.0.0";
/// Stands for a name that is too long to be kept. No protocol has it.
const TOO_LONG: &str = "\n";
/// The answer to a proposal that is not taken.
const NOT_AVAILABLE: &str = "na";

/// Longest message kept, in bytes: no protocol here has a longer name. Bounds the memory for a
/// proposal.
const MAX_KEPT: usize = 256;
/// Longest proposal answered, in bytes, which is what go-multistream takes. One that is longer than
/// what is kept is skipped and refused, so it takes no memory. Bounds endless names.
const MAX_MESSAGE: usize = 64 * 1024;
/// Proposals a dialer may make. Bounds the answers it can draw from us without agreeing. Dialers
/// propose what their applications speak: tens of protocols at most.
const MAX_PROPOSALS: u16 = 1024;
/// Bytes of proposals a dialer may make. Bounds the work for one that never agrees.
const MAX_BYTES: usize = 128 * 1024;

/// Why no protocol can be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultistreamError {
    /// A message is malformed.
    Malformed,
    /// A message is longer than any protocol name.
    TooLong,
    /// The first message is not the header.
    Header,
    /// The responder answered with another protocol than was proposed.
    WrongAnswer,
    /// The responder does not speak the protocol.
    Refused,
    /// The dialer proposed too many protocols that are not spoken, or too many bytes of them.
    TooManyProposals,
}

impl fmt::Display for MultistreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a multistream message is malformed",
            Self::TooLong => "a multistream message is too long",
            Self::Header => "the other side does not speak multistream-select 1.0",
            Self::WrongAnswer => "the other side agreed to a protocol that was not proposed",
            Self::Refused => "the other side does not speak the protocol",
            Self::TooManyProposals => "the other side proposed too many protocols",
        })
    }
}

impl core::error::Error for MultistreamError {}

/// Appends one message.
fn write_line(line: &str, out: &mut Vec<u8>) {
    varint::write(line.len() as u64 + 1, out);
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

/// Collects a message that arrives in pieces; holds nothing when it arrives in one.
#[derive(Clone, Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    /// Bytes that are left of a message that is skipped.
    skipping: usize,
}

impl Lines {
    /// Takes one message of up to `max` bytes off the front of `bytes` and hands its line to
    /// `use_line`; `None` stands for one that is too long to be kept.
    fn next<T>(
        &mut self,
        bytes: &mut &[u8],
        max: usize,
        use_line: impl FnOnce(Option<&str>) -> T,
    ) -> Result<Option<T>, MultistreamError> {
        while self.skipping == 0 {
            let read = match self.partial.is_empty() {
                true => front(bytes, max)?,
                false => front(&self.partial, max)?,
            };
            match (read, self.partial.is_empty()) {
                (Front::Whole(len), true) => {
                    let (message, rest) = bytes.split_at(len);
                    *bytes = rest;
                    return line(message).map(|line| Some(use_line(Some(line))));
                }
                (Front::Whole(_), false) => {
                    let message = core::mem::take(&mut self.partial);
                    return line(&message).map(|line| Some(use_line(Some(line))));
                }
                (Front::Long { prefix, len }, is_first) => {
                    if is_first {
                        *bytes = &bytes[prefix..];
                    }
                    self.partial = Vec::new();
                    self.skipping = len;
                }
                (Front::Part, true) => {
                    self.partial.extend_from_slice(bytes);
                    *bytes = &[];
                    return Ok(None);
                }
                (Front::Part, false) => {
                    let Some((&byte, rest)) = bytes.split_first() else {
                        return Ok(None);
                    };
                    *bytes = rest;
                    self.partial.push(byte);
                }
            }
        }
        let (skipped, rest) = bytes.split_at(self.skipping.min(bytes.len()));
        *bytes = rest;
        self.skipping -= skipped.len();
        match skipped.last() {
            _ if self.skipping > 0 => Ok(None),
            Some(b'\n') => Ok(Some(use_line(None))),
            _ => Err(MultistreamError::Malformed),
        }
    }
}

/// What stands at the front of some bytes.
enum Front {
    /// A whole message of this length, prefix included.
    Whole(usize),
    /// The beginning of one that is not kept: the size of its prefix, and what follows that.
    Long { prefix: usize, len: usize },
    /// Less than a message.
    Part,
}

fn front(bytes: &[u8], max: usize) -> Result<Front, MultistreamError> {
    let (len, prefix) = match varint::read(bytes) {
        Ok((len, prefix)) => (usize::try_from(len).unwrap_or(usize::MAX), prefix),
        Err(VarintError::Incomplete) => return Ok(Front::Part),
        Err(_) => return Err(MultistreamError::Malformed),
    };
    match len {
        _ if len > max => Err(MultistreamError::TooLong),
        _ if len > MAX_KEPT => Ok(Front::Long { prefix, len }),
        _ if prefix + len <= bytes.len() => Ok(Front::Whole(prefix + len)),
        _ => Ok(Front::Part),
    }
}

/// The text of a whole message.
fn line(message: &[u8]) -> Result<&str, MultistreamError> {
    let (_, used) = varint::read(message).map_err(|_| MultistreamError::Malformed)?;
    let text = message[used..]
        .strip_suffix(b"\n")
        .ok_or(MultistreamError::Malformed)?;
    core::str::from_utf8(text).map_err(|_| MultistreamError::Malformed)
}

/// The side that proposes.
#[derive(Clone, Debug)]
pub struct Dialer {
    lines: Lines,
    seen_header: bool,
}

impl Dialer {
    /// Proposes `protocol`: appends header and proposal to `out`.
    pub fn new(protocol: &str, out: &mut Vec<u8>) -> Self {
        write_line(HEADER, out);
        write_line(protocol, out);
        Self {
            lines: Lines::default(),
            seen_header: false,
        }
    }

    /// Reads answers from the front of `bytes`; true once `protocol`, the one proposed, is agreed
    /// on.
    pub fn push(&mut self, bytes: &mut &[u8], protocol: &str) -> Result<bool, MultistreamError> {
        while !bytes.is_empty() {
            let seen_header = self.seen_header;
            let answer = self.lines.next(bytes, MAX_KEPT, |line| {
                match (seen_header, line.unwrap_or_default()) {
                    (false, HEADER) => Ok(false),
                    (false, _) => Err(MultistreamError::Header),
                    (true, line) if line == protocol => Ok(true),
                    (true, NOT_AVAILABLE) => Err(MultistreamError::Refused),
                    (true, _) => Err(MultistreamError::WrongAnswer),
                }
            })?;
            match answer {
                Some(Ok(true)) => return Ok(true),
                Some(Ok(false)) => self.seen_header = true,
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        Ok(false)
    }
}

/// The side that chooses.
#[derive(Clone, Debug, Default)]
pub struct Responder {
    lines: Lines,
    seen_header: bool,
    refused: u16,
    /// Bytes of the proposals so far.
    taken: usize,
}

impl Responder {
    /// Reads proposals from the front of `bytes` and appends answers to `out`, until `choose` takes
    /// one by giving something for its name.
    pub fn push<T>(
        &mut self,
        bytes: &mut &[u8],
        out: &mut Vec<u8>,
        mut choose: impl FnMut(&str) -> Option<T>,
    ) -> Result<Option<T>, MultistreamError> {
        while !bytes.is_empty() {
            let (seen_header, before) = (self.seen_header, bytes.len());
            let max = if seen_header { MAX_MESSAGE } else { MAX_KEPT };
            let chosen = self.lines.next(bytes, max, |line| {
                if !seen_header {
                    if line != Some(HEADER) {
                        return Err(MultistreamError::Header);
                    }
                    write_line(HEADER, out);
                    return Ok(None);
                }
                // A name that was not kept is not spoken here; `choose` counts it.
                let line = line.unwrap_or(TOO_LONG);
                let chosen = choose(line);
                let answer = chosen.as_ref().map_or(NOT_AVAILABLE, |_| line);
                write_line(answer, out);
                Ok(chosen)
            })?;
            self.taken += before - bytes.len();
            match chosen {
                Some(Ok(Some(chosen))) => return Ok(Some(chosen)),
                Some(Ok(None)) if !seen_header => self.seen_header = true,
                Some(Ok(None)) => self.refused += 1,
                Some(Err(error)) => return Err(error),
                None => break,
            }
            if self.refused >= MAX_PROPOSALS || self.taken > MAX_BYTES {
                return Err(MultistreamError::TooManyProposals);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    const PIPELINED: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

    fn noise(line: &str) -> Option<()> {
        (line == "/noise").then_some(())
    }

    #[test]
    fn responder_takes_header_proposal_and_next_layer_at_once() {
        let input = [PIPELINED, b"\x00\x20next"].concat();
        let (mut bytes, mut out) = (&input[..], vec![]);
        assert_eq!(
            Responder::default().push(&mut bytes, &mut out, noise),
            Ok(Some(()))
        );
        assert_eq!(out, PIPELINED);
        assert_eq!(bytes, b"\x00\x20next");
    }

    #[test]
    fn responder_refuses_and_goes_on() {
        let mut responder = Responder::default();
        let mut out = vec![];
        let mut bytes = &b"\x13/multistream/1.0.0\n\x03ls\n\x05/tls\n"[..];
        assert_eq!(responder.push(&mut bytes, &mut out, noise), Ok(None));
        assert_eq!(out, b"\x13/multistream/1.0.0\n\x03na\n\x03na\n");
        out.clear();
        assert_eq!(
            responder.push(&mut &b"\x07/noise\n"[..], &mut out, noise),
            Ok(Some(()))
        );
        assert_eq!(out, b"\x07/noise\n");
    }

    #[test]
    fn responder_refuses_what_is_no_multistream() {
        let push = |bytes: &[u8]| {
            Responder::default()
                .push(&mut { bytes }, &mut vec![], noise)
                .unwrap_err()
        };
        assert_eq!(push(b"\x07/noise\n"), MultistreamError::Header);
        assert_eq!(push(b"\x81\x02"), MultistreamError::TooLong);
        let header = &b"\x13/multistream/1.0.0\n"[..];
        let endless = [header, b"\x81\x80\x04"].concat();
        assert_eq!(push(&endless), MultistreamError::TooLong);
        assert_eq!(push(b"\x02ab"), MultistreamError::Malformed);
        assert_eq!(push(b"\x02\xff\n"), MultistreamError::Malformed);
        assert_eq!(
            push(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n0123456789012345678901234567890123456789"),
            MultistreamError::Malformed
        );
        let many = [header, &b"\x02x\n".repeat(1024)].concat();
        assert_eq!(push(&many), MultistreamError::TooManyProposals);
        let big = [header, &proposal(&"x".repeat(60_000)).repeat(3)].concat();
        assert_eq!(push(&big), MultistreamError::TooManyProposals);
        let unended = [header, &[0x81, 0x02], &[b'x'; 257]].concat();
        assert_eq!(push(&unended), MultistreamError::Malformed);
    }

    fn proposal(name: &str) -> Vec<u8> {
        let mut message = vec![];
        write_line(name, &mut message);
        message
    }

    #[test]
    fn responder_says_no_as_often_as_it_is_asked_and_to_any_name() {
        for (count, len) in [
            (15, 10),
            (16, 10),
            (100, 300),
            (1000, 100),
            (1, 255),
            (1, 256),
        ]
        .into_iter()
        .chain([(4, 16_383), (1, 65_535)])
        {
            let name = "/".repeat(len);
            let header = proposal(HEADER);
            let input = [&header[..], &proposal(&name).repeat(count), b"\x07/noise\n"].concat();
            let expected = [&header[..], &b"\x03na\n".repeat(count), b"\x07/noise\n"].concat();
            for piece in [1, 100, usize::MAX] {
                let (mut responder, mut out, mut agreed) = (Responder::default(), vec![], false);
                for mut bytes in input.chunks(piece) {
                    agreed = responder
                        .push(&mut bytes, &mut out, noise)
                        .unwrap()
                        .is_some();
                    assert!(responder.lines.partial.capacity() <= 2 * MAX_KEPT);
                }
                assert!(agreed && out == expected, "{count} names of {len} bytes");
            }
        }
    }

    #[test]
    fn dialer_sends_both_messages_and_reads_both_answers() {
        let mut out = vec![];
        let mut dialer = Dialer::new("/noise", &mut out);
        assert_eq!(out, PIPELINED);
        let input = [PIPELINED, b"rest"].concat();
        let mut bytes = &input[..];
        assert_eq!(dialer.push(&mut bytes, "/noise"), Ok(true));
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn dialer_tells_refusal_from_nonsense() {
        let answer = |bytes: &[u8]| {
            Dialer::new("/noise", &mut vec![])
                .push(&mut { bytes }, "/noise")
                .unwrap_err()
        };
        assert_eq!(
            answer(b"\x13/multistream/1.0.0\n\x03na\n"),
            MultistreamError::Refused
        );
        assert_eq!(
            answer(b"\x13/multistream/1.0.0\n\x05/tls\n"),
            MultistreamError::WrongAnswer
        );
        assert_eq!(
            answer(b"\x13/multistream/2.0.0\n"),
            MultistreamError::Header
        );
    }

    proptest! {
        #[test]
        fn split_anywhere(cuts in proptest::collection::vec(0usize..60, 0..6)) {
            let input = [PIPELINED, b"\x00\x20next"].concat();
            let (mut responder, mut dialer) = (Responder::default(), Dialer::new("/noise", &mut vec![]));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % input.len()).collect();
            cuts.push(input.len());
            cuts.sort_unstable();
            let (mut start, mut out, mut left, mut agreed) = (0, vec![], vec![], (false, false));
            for cut in cuts {
                let (mut a, mut b) = (&input[start..cut], &input[start..cut]);
                if !agreed.0 {
                    agreed.0 = responder.push(&mut a, &mut out, noise).unwrap().is_some();
                }
                if !agreed.1 {
                    agreed.1 = dialer.push(&mut b, "/noise").unwrap();
                }
                prop_assert_eq!(a, b);
                left.extend_from_slice(a);
                start = cut;
            }
            prop_assert_eq!(agreed, (true, true));
            prop_assert_eq!(out, PIPELINED);
            prop_assert_eq!(left, b"\x00\x20next");
        }
    }
}
