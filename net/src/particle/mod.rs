//! The particle: the message of the Fluence network, and its frame on the wire.
//!
//! One particle travels on one stream of its own, in one direction, with no answer. [`frame`]
//! writes and reads the frame.

mod byte_string;
pub mod frame;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;

use crate::keypair::{KeyError, Keypair, PublicKey};
use basalt_terms::peer_id::PeerId;

/// The protocol that carries particles.
pub const PROTOCOL: &str = "/fluence/particle/2.0.0";

/// What the author of a particle wrote and signed. It stays the same from hop to hop.
///
/// Nothing says that the signature holds: [`Authored::verify`] checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authored {
    /// The author's name for the particle; not unique, not checked.
    pub id: String,
    /// The author: the peer that made and signed the particle.
    pub init_peer_id: PeerId,
    /// When it was made, in Unix milliseconds.
    pub timestamp: u64,
    /// How long it lives after that, in milliseconds.
    pub ttl: u32,
    /// The AIR script.
    pub script: String,
    /// Signature of [`Authored::signed_bytes`].
    pub signature: Vec<u8>,
}

/// A particle. Clones share all that is big: one script goes to many peers without being copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particle {
    /// What the author wrote and signed.
    pub authored: Arc<Authored>,
    /// The interpreter's data; empty in a fresh particle. The author's signature does not cover it.
    /// What came in shares its memory with the frame it came in.
    pub data: Bytes,
}

impl Particle {
    /// A particle of these parts.
    pub fn new(authored: impl Into<Arc<Authored>>, data: impl Into<Bytes>) -> Self {
        Self {
            authored: authored.into(),
            data: data.into(),
        }
    }
}

impl Deref for Particle {
    type Target = Authored;

    fn deref(&self) -> &Authored {
        &self.authored
    }
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

impl Authored {
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

    /// The last millisecond of its life, Unix time; 0 if that does not fit 64 bits: expired at any
    /// time.
    pub fn deadline(&self) -> u64 {
        self.timestamp.checked_add(u64::from(self.ttl)).unwrap_or(0)
    }

    /// Whether it has expired at `now`, in Unix milliseconds.
    pub fn is_expired(&self, now: u64) -> bool {
        let deadline = self.deadline();
        deadline == 0 || deadline < now
    }

    /// The spell that made the particle, by its id: `spell_<id>_<counter>` (protocol description,
    /// section 10).
    pub fn spell_id(&self) -> Option<&str> {
        let (id, counter) = self.id.strip_prefix("spell_")?.rsplit_once('_')?;
        counter.parse::<u32>().ok()?;
        Some(id)
    }

    /// Bytes it takes in memory, roughly.
    pub fn size(&self) -> usize {
        self.id.len() + self.script.len() + self.signature.len() + size_of::<Self>()
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
        let mut again = Authored::clone(&particle);
        again.signature.clear();
        again.sign(&keypair);
        assert_eq!(again, *particle);
        assert_eq!(particle.verify(), Ok(()));
        again.ttl += 1;
        assert_eq!(again.verify(), Err(VerifyError::Key(KeyError::Mismatch)));
    }

    /// One signature of all particles would let anybody write in this author's name.
    #[test]
    fn an_author_of_small_order_signs_nothing() {
        let mut particle = Authored::clone(&known().0);
        let mut neutral = [0; 32];
        neutral[0] = 1;
        particle.init_peer_id = PeerId::from_ed25519(&neutral);
        particle.signature = [&neutral[..], &[0; 32]].concat();
        assert_eq!(particle.verify(), Err(VerifyError::Key(KeyError::Mismatch)));
    }

    #[test]
    fn expiry() {
        let mut particle = Authored::clone(&known().0);
        let deadline = particle.timestamp + 7000;
        assert_eq!(particle.deadline(), deadline);
        assert!(!particle.is_expired(deadline));
        assert!(particle.is_expired(deadline + 1));
        particle.timestamp = u64::MAX;
        assert!(particle.is_expired(0));
    }
}
