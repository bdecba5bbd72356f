//! A memory of signatures that were verified.

use core::fmt;
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// Remembers which signatures over which bytes were found valid, so that a node that meets the same
/// signed answers in many runs of a particle checks each of them once.
///
/// An entry is the BLAKE3 digest of the exact key, signature and signed bytes: what was not
/// verified itself is never taken for verified. The memory is bounded; the older half is forgotten
/// at once.
pub struct VerifiedSignatures {
    young: HashSet<[u8; 32], FixedState>,
    old: HashSet<[u8; 32], FixedState>,
    half: usize,
}

impl VerifiedSignatures {
    /// A memory of at most `capacity` signatures, about 40 bytes each. With 0 nothing is
    /// remembered.
    pub fn new(capacity: usize) -> Self {
        Self::with_seed(capacity, 0)
    }

    /// The same, with a seed for the tables, which should be secret: whoever makes a key looks for
    /// one whose digest begins as he likes.
    pub fn with_seed(capacity: usize, seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        VerifiedSignatures {
            young: HashSet::with_hasher(hasher.clone()),
            old: HashSet::with_hasher(hasher),
            half: capacity.div_ceil(2),
        }
    }

    /// The name of a signature in this memory.
    pub(crate) fn name(public_key: &[u8], signature: &[u8], message: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for part in [public_key, signature, message] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.half > 0
    }

    pub(crate) fn contains(&self, name: &[u8; 32]) -> bool {
        self.young.contains(name) || self.old.contains(name)
    }

    pub(crate) fn insert(&mut self, name: [u8; 32]) {
        if self.young.len() >= self.half {
            let empty = HashSet::with_hasher(self.young.hasher().clone());
            self.old = core::mem::replace(&mut self.young, empty);
        }
        self.young.insert(name);
    }

    /// Number of signatures remembered.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for VerifiedSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedSignatures({})", self.len())
    }
}
