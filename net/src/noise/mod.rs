//! The Noise channel of libp2p: `Noise_XX_25519_ChaChaPoly_SHA256` with an empty prologue.
//!
//! The handshake's payloads carry each side's identity key and its signature of the X25519 key, so
//! that afterwards both know which peer they talk to. Every message has a big-endian length of two
//! bytes in front. After the handshake a [`Sealer`] and an [`Opener`] work on the bytes where they
//! lie; the buffers belong to the caller.

mod crypto;
mod error;
mod handshake;
mod payload;
mod proven;
mod transport;

pub use crate::aead::TAG;
pub use error::NoiseError;
pub use handshake::{Handshake, Identity};
pub use payload::Payload;
pub use transport::{MAX_MESSAGE, Opener, PREFIX, Sealer, message_len, missing};

/// The protocol's name in multistream-select.
pub const PROTOCOL: &str = "/noise";
/// Largest handshake message taken: keys of any kind fit. Bounds the memory for a peer that has
/// proven nothing.
pub const MAX_HANDSHAKE_MESSAGE: usize = 4096;
