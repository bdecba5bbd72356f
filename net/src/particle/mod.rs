//! The particle: the message of the Fluence network, and its frame on the wire.
//!
//! One particle travels on one stream of its own, in one direction, with no answer. [`frame`] writes
//! and reads the frame, [`msgpack`] is the part of MessagePack that it needs.

pub mod frame;
mod msgpack;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::keypair::{KeyError, Keypair, PublicKey};
use basalt_terms::peer_id::PeerId;

/// The protocol that carries particles.
pub const PROTOCOL: &str = "/fluence/particle/2.0.0";

/// A particle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particle {
    /// The sender's name for it; not unique, not checked.
    pub id: String,
    /// The peer that made and signed it.
    pub init_peer_id: PeerId,
    /// When it was made, in Unix milliseconds.
    pub timestamp: u64,
    /// How long it lives after that, in milliseconds.
    pub ttl: u32,
    /// The AIR script.
    pub script: String,
    /// Signature of [`Particle::signed_bytes`]; the unique key of a particle.
    pub signature: Vec<u8>,
    /// The interpreter's data; empty in a fresh particle. What came in shares its memory with the frame it came in, and
    /// what goes out to several peers is there once.
    pub data: Bytes,
}

/// Why a particle's signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// The id of its author holds no key that could be checked against.
    NoKey,
    /// The key does not confirm the signature.
    Key(KeyError),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("the author's peer id holds no supported public key"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for VerifyError {}

impl Particle {
    /// What the author signs: id, timestamp, ttl and script, one after the other.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.id.len() + 12 + self.script.len());
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.timestamp.to_le_bytes());
        bytes.extend_from_slice(&self.ttl.to_le_bytes());
        bytes.extend_from_slice(self.script.as_bytes());
        bytes
    }

    /// Makes `author` the author and signs.
    pub fn sign(&mut self, author: &Keypair) {
        self.init_peer_id = author.peer_id();
        self.signature = author.sign(&self.signed_bytes()).to_vec();
    }

    /// Checks the signature against the key in the author's id.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let key = PublicKey::of_peer(&self.init_peer_id).ok_or(VerifyError::NoKey)?;
        key.verify(&self.signed_bytes(), &self.signature)
            .map_err(VerifyError::Key)
    }

    /// When it expires, in Unix milliseconds; `None` if that cannot be expressed: expired already.
    pub fn deadline(&self) -> Option<u64> {
        self.timestamp.checked_add(u64::from(self.ttl))
    }

    /// Whether it has expired at `now`, in Unix milliseconds.
    pub fn is_expired(&self, now: u64) -> bool {
        self.deadline().is_none_or(|deadline| deadline < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::particle::frame::tests::known;

    #[test]
    fn known_signature() {
        let (particle, keypair) = known();
        let signed = particle.signed_bytes();
        assert_eq!(signed.len(), 51);
        assert_eq!(
            signed[36..],
            *b"\xfe\x48\x2e\x19\x8b\x01\x00\x00\x58\x1b\x00\x00abc"
        );
        let mut again = particle.clone();
        again.signature.clear();
        again.sign(&keypair);
        assert_eq!(again, particle);
        assert_eq!(particle.verify(), Ok(()));
        again.ttl += 1;
        assert_eq!(again.verify(), Err(VerifyError::Key(KeyError::Mismatch)));
    }

    #[test]
    fn expiry() {
        let (mut particle, _) = known();
        let deadline = particle.timestamp + 7000;
        assert_eq!(particle.deadline(), Some(deadline));
        assert!(!particle.is_expired(deadline));
        assert!(particle.is_expired(deadline + 1));
        particle.timestamp = u64::MAX;
        assert!(particle.is_expired(0));
    }
}
