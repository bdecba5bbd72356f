//! Why a Noise channel cannot be set up or go on.

use core::fmt;

use basalt_terms::protobuf::ProtobufError;

use crate::keypair::KeyError;

/// Why a handshake fails or a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseError {
    /// A message is too short for what it must hold.
    Short,
    /// A handshake message is longer than any honest one.
    Long,
    /// A message is not authentic.
    Decrypt,
    /// The other side's X25519 key has a small order: anybody would know the shared secret.
    Key,
    /// The payload is malformed.
    Payload(ProtobufError),
    /// The identity key is unusable or did not sign the X25519 key.
    Identity(KeyError),
}

impl fmt::Display for NoiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("a Noise message is too short"),
            Self::Long => f.write_str("a Noise handshake message is too long"),
            Self::Decrypt => f.write_str("a Noise message is not authentic"),
            Self::Key => f.write_str("the X25519 key in the Noise handshake has a small order"),
            Self::Payload(error) => write!(f, "the Noise payload: {error}"),
            Self::Identity(error) => write!(f, "the Noise identity: {error}"),
        }
    }
}

impl core::error::Error for NoiseError {}
