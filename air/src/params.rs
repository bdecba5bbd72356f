//! What a run is told about its particle and its peer (AIR spec section 6.7).

use alloc::string::String;

use crate::security::Key;

/// Parameters of a run.
#[derive(Clone, Debug)]
pub struct RunParams {
    /// Peer that made the particle.
    pub init_peer_id: String,
    /// Peer that runs.
    pub current_peer_id: String,
    /// When the particle was made, in milliseconds since 1970.
    pub timestamp: u64,
    /// How long the particle lives, in milliseconds.
    pub ttl: u32,
    /// Key of the current peer.
    pub key: Key,
    /// Salt of all signatures.
    pub particle_id: String,
    /// Size limits of the host.
    pub limits: SizeLimits,
}

/// Size limits of a host, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// Longest script.
    pub air: u64,
    /// Longest current data.
    pub particle: u64,
    /// Size of the particle as it came in: its script, and the data that it had then. The ceilings
    /// of a run go by it, not by what earlier runs have made of the data.
    pub own: u64,
    /// Longest result text of one call.
    pub call_result: u64,
    /// Whether exceeding is an error; if not, it only sets a flag of the outcome.
    pub hard: bool,
}

impl Default for SizeLimits {
    fn default() -> Self {
        SizeLimits {
            air: 16 << 20,
            particle: 64 << 20,
            own: u64::MAX,
            call_result: 32 << 20,
            hard: false,
        }
    }
}
