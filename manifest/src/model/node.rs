//! Section `[node]`.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// Section `[node]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The network that the node belongs to.
    pub network: NetworkId,
    /// Seed of the node's Ed25519 key; absent: generated at the first boot and kept.
    pub seed: Option<Seed>,
    /// Peer id of the operator, who may manage the node.
    pub management_peer_id: Option<String>,
    /// Multiaddrs (ending in `/p2p/..`) of the peers to stay connected to.
    pub bootstrap: Vec<String>,
}

/// Identifies a network: its name stands in the protocol names that peers agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkId {
    /// The main network.
    #[default]
    Dar,
    /// The staging network.
    Stage,
    /// The test network.
    Kras,
    /// A network of one's own.
    Custom([u8; 32]),
}

impl fmt::Display for NetworkId {
    /// Writes the id as it stands in protocol names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dar => f.write_str("dar"),
            Self::Stage => f.write_str("stage"),
            Self::Kras => f.write_str("kras"),
            Self::Custom(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// A secret of 32 bytes. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(pub(crate) [u8; 32]);

impl Seed {
    /// The secret itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}
