//! A particle without its data: what stays the same from hop to hop.

use alloc::string::String;
use alloc::vec::Vec;

use basalt_net::particle::Particle;
use basalt_net::peer_id::PeerId;
use bytes::Bytes;

/// What the author of a particle wrote and signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The author's name for it.
    pub id: String,
    /// The author.
    pub init_peer_id: PeerId,
    /// When it was made, Unix milliseconds.
    pub timestamp: u64,
    /// How long it lives, milliseconds.
    pub ttl: u32,
    /// The AIR script.
    pub script: String,
    /// The author's signature of the above.
    pub signature: Vec<u8>,
}

impl Header {
    /// Takes a particle apart into header and data.
    pub fn split(particle: Particle) -> (Header, Bytes) {
        let Particle {
            id,
            init_peer_id,
            timestamp,
            ttl,
            script,
            signature,
            data,
        } = particle;
        (
            Header {
                id,
                init_peer_id,
                timestamp,
                ttl,
                script,
                signature,
            },
            data,
        )
    }

    /// The particle with this header and `data`.
    pub fn join(&self, data: Bytes) -> Particle {
        Particle {
            id: self.id.clone(),
            init_peer_id: self.init_peer_id,
            timestamp: self.timestamp,
            ttl: self.ttl,
            script: self.script.clone(),
            signature: self.signature.clone(),
            data,
        }
    }

    /// The spell that made the particle, by its id: `spell_<id>_<counter>`.
    pub fn spell_id(&self) -> Option<&str> {
        let (id, counter) = self.id.strip_prefix("spell_")?.rsplit_once('_')?;
        counter.parse::<u32>().ok()?;
        Some(id)
    }

    /// The last millisecond of its life, Unix time; 0 when it cannot be expressed: expired.
    pub fn deadline(&self) -> u64 {
        self.timestamp.checked_add(u64::from(self.ttl)).unwrap_or(0)
    }

    /// Bytes it takes in memory, roughly.
    pub fn size(&self) -> usize {
        self.id.len() + self.script.len() + self.signature.len() + size_of::<Header>()
    }
}
