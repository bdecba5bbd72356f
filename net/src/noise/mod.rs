//! The Noise channel of libp2p: `Noise_XX_25519_ChaChaPoly_SHA256` with an empty prologue.
//!
//! The handshake's payloads carry each side's identity key and its signature of the X25519 key, so
//! that afterwards both know which peer they talk to. Every message has a big-endian length of two
//! bytes in front. After the handshake a [`Sealer`] and an [`Opener`] work on the bytes where they
//! lie; the buffers belong to the caller.

mod crypto;
mod handshake;
mod payload;
mod proven;

use core::fmt;

use self::crypto::nonce;
use crate::aead::Aead;

pub use crate::aead::TAG;
pub use handshake::{Handshake, Identity};
pub use payload::Payload;

/// The protocol's name in multistream-select.
pub const PROTOCOL: &str = "/noise";
/// Bytes of the length in front of each message.
pub const PREFIX: usize = 2;
/// Largest message, tag included.
pub const MAX_MESSAGE: usize = 65535;
/// Largest handshake message taken: keys of any kind fit. Bounds what a stranger makes us hold.
pub const MAX_HANDSHAKE_MESSAGE: usize = 4096;

/// Why a handshake fails or a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseError {
    /// A message is too short for what it must hold.
    Short,
    /// A handshake message is longer than any honest one.
    Long,
    /// A message is not authentic.
    Decrypt,
    /// The other side's X25519 key is useless.
    Key,
    /// The payload is malformed.
    Payload(basalt_terms::protobuf::ProtobufError),
    /// The identity key is unusable or did not sign the X25519 key.
    Identity(crate::keypair::KeyError),
}

impl fmt::Display for NoiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("a Noise message is too short"),
            Self::Long => f.write_str("a Noise handshake message is too long"),
            Self::Decrypt => f.write_str("a Noise message is not authentic"),
            Self::Key => f.write_str("the Noise handshake offers a useless key"),
            Self::Payload(error) => write!(f, "the Noise payload: {error}"),
            Self::Identity(error) => write!(f, "the Noise identity: {error}"),
        }
    }
}

impl core::error::Error for NoiseError {}

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
    fn new(key: &[u8; 32], counter: u64) -> Self {
        Self {
            cipher: Aead::new(key),
            counter,
        }
    }

    /// Makes a whole message of the `len` bytes at `message[PREFIX..]`: encrypts them where they lie,
    /// puts the length in front and the tag behind. Gives the message's size, `PREFIX + len + TAG`.
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
    fn new(key: &[u8; 32], counter: u64) -> Self {
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

/// Length of the message whose prefix is at the front of `bytes`; `None` if even that is incomplete.
pub fn message_len(bytes: &[u8]) -> Option<usize> {
    bytes
        .first_chunk::<PREFIX>()
        .map(|prefix| usize::from(u16::from_be_bytes(*prefix)))
}
