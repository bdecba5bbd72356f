//! Transport messages, which follow the handshake: encrypted and decrypted where they lie.

use core::fmt;

use super::crypto::nonce;
use super::error::NoiseError;
use crate::aead::{Aead, TAG};

/// Bytes of the length in front of each message.
pub const PREFIX: usize = 2;
/// Largest message, tag included.
pub const MAX_MESSAGE: usize = 65535;

/// Encrypts one direction.
pub struct Sealer {
    cipher: Aead,
    counter: u64,
}

/// Decrypts one direction.
pub struct Opener {
    cipher: Aead,
    counter: u64,
}

impl Sealer {
    pub(super) fn new(key: &[u8; 32], counter: u64) -> Self {
        Self {
            cipher: Aead::new(key),
            counter,
        }
    }

    /// Makes a whole message of the `len` bytes at `message[PREFIX..]`: encrypts them where they
    /// lie, puts the length in front and the tag behind. Returns the message's size: that of the
    /// prefix, the text and the tag.
    pub fn seal(&mut self, message: &mut [u8], len: usize) -> usize {
        let (prefix, rest) = message.split_at_mut(PREFIX);
        prefix.copy_from_slice(&((len + TAG) as u16).to_be_bytes());
        let (text, rest) = rest.split_at_mut(len);
        rest[..TAG].copy_from_slice(&self.cipher.seal(nonce(self.counter), &[], text));
        // 2^64 messages are not reached.
        self.counter += 1;
        PREFIX + len + TAG
    }
}

impl Opener {
    pub(super) fn new(key: &[u8; 32], counter: u64) -> Self {
        Self {
            cipher: Aead::new(key),
            counter,
        }
    }

    /// Decrypts a message (without its length) where it lies and gives its text.
    pub fn open<'a>(&mut self, message: &'a mut [u8]) -> Result<&'a mut [u8], NoiseError> {
        let (text, tag) = message
            .split_last_chunk_mut::<TAG>()
            .ok_or(NoiseError::Short)?;
        self.cipher
            .open(nonce(self.counter), &[], text, tag)
            .map_err(|()| NoiseError::Decrypt)?;
        self.counter += 1;
        Ok(text)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.counter)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({})", self.counter)
    }
}

/// How many bytes the message at the front of `bytes` lacks, as far as its length is known.
pub fn missing(bytes: &[u8]) -> usize {
    let whole = message_len(bytes).map_or(PREFIX, |len| PREFIX + len);
    whole.saturating_sub(bytes.len())
}

/// Length of the message whose prefix is at the front of `bytes`; `None` if even that is
/// incomplete.
pub fn message_len(bytes: &[u8]) -> Option<usize> {
    bytes
        .first_chunk::<PREFIX>()
        .map(|prefix| usize::from(u16::from_be_bytes(*prefix)))
}
