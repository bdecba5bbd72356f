//! Messages with their length in front, as particles, identify and Kademlia send them.
//!
//! A [`Reader`] collects one message from a stream. It allocates for bytes that have arrived, never
//! for a length that was only announced.

use alloc::vec::Vec;
use core::fmt;

use crate::varint::{self, VarintError};

/// Memory taken at once for an announced message; the rest follows the bytes.
const FIRST_RESERVE: usize = 16 * 1024;

/// Why a message is refused by its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthError {
    /// The length is not a varint.
    Varint(VarintError),
    /// The announced length exceeds the limit.
    TooBig(u64),
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Varint(error) => write!(f, "the length of a message: {error}"),
            Self::TooBig(len) => write!(f, "a message of {len} bytes is too big"),
        }
    }
}

impl core::error::Error for LengthError {}

/// Collects one message at a time.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The bytes of the length until it is known, then the message.
    buffer: Vec<u8>,
    /// The announced size, once known.
    len: Option<usize>,
    max: usize,
}

impl Reader {
    /// A reader that refuses messages of more than `max` bytes.
    pub const fn new(max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            len: None,
            max,
        }
    }

    /// Takes bytes off the front of `bytes` up to the end of the message; gives it once it is
    /// complete and is then ready for the next one.
    pub fn push(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, LengthError> {
        let len = match self.len {
            Some(len) => len,
            None => {
                let Some(len) = self.read_len(bytes)? else {
                    return Ok(None);
                };
                self.buffer = Vec::with_capacity(len.min(bytes.len().max(FIRST_RESERVE)));
                self.len = Some(len);
                len
            }
        };
        let take = (len - self.buffer.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(take);
        *bytes = rest;
        let (held, room) = (self.buffer.len(), self.buffer.capacity());
        if held + take > room {
            // It doubles, but not beyond the announced length: a buffer that grew in small steps
            // would be copied too often.
            let room = (2 * room).min(len).max(held + take);
            self.buffer.reserve_exact(room - held);
        }
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() < len {
            return Ok(None);
        }
        self.len = None;
        Ok(Some(core::mem::take(&mut self.buffer)))
    }

    fn read_len(&mut self, bytes: &mut &[u8]) -> Result<Option<usize>, LengthError> {
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            self.buffer.push(byte);
            match varint::read(&self.buffer) {
                Ok((len, _)) => {
                    return match usize::try_from(len) {
                        Ok(len) if len <= self.max => Ok(Some(len)),
                        _ => Err(LengthError::TooBig(len)),
                    };
                }
                Err(VarintError::Incomplete) => {}
                Err(error) => return Err(LengthError::Varint(error)),
            }
        }
        Ok(None)
    }

    /// Whether it is between two messages.
    pub fn is_empty(&self) -> bool {
        self.len.is_none() && self.buffer.is_empty()
    }

    /// Bytes of memory held for the message so far.
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }
}

/// Puts the length in front of `message`.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(varint::MAX_LEN + message.len());
    varint::write(message.len() as u64, &mut out);
    out.extend_from_slice(message);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn announced_bytes_take_no_memory() {
        let mut reader = Reader::new(100 << 20);
        let mut bytes = &[0x80, 0x80, 0x80, 0x32, 7][..];
        assert_eq!(reader.push(&mut bytes), Ok(None));
        assert!(reader.held() <= FIRST_RESERVE && !reader.is_empty());
        assert_eq!(
            Reader::new(10).push(&mut &[11][..]),
            Err(LengthError::TooBig(11))
        );
        let overlong = Reader::new(10).push(&mut &[0x80, 0][..]);
        assert_eq!(overlong, Err(LengthError::Varint(VarintError::NotMinimal)));
    }

    proptest! {
        #[test]
        fn split_anywhere(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..5),
            cut in 1usize..40,
        ) {
            let wire = messages.iter().flat_map(|message| frame(message)).collect::<Vec<u8>>();
            let (mut reader, mut got) = (Reader::new(300), vec![]);
            for mut piece in wire.chunks(cut) {
                while !piece.is_empty() {
                    got.extend(reader.push(&mut piece).unwrap());
                }
            }
            prop_assert!(reader.is_empty());
            prop_assert_eq!(got, messages);
        }
    }
}
