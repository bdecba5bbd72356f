//! How hash tables are keyed.
//!
//! Peers that send data choose what goes into the tables. Against prepared collisions all numbers
//! that the hash function mixes in are made of the seed: with the constants of its own, texts that
//! end in certain bytes collide whatever the seed is.

use core::fmt;
use core::hash::BuildHasher;
use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

/// The secret of a run's tables.
#[derive(Clone)]
pub(crate) struct Seed {
    own: u64,
    shared: SharedSeed,
}

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Seed {
            own: seed.rotate_left(32),
            shared: SharedSeed::from_u64(seed),
        }
    }

    /// For a table.
    pub(crate) fn keyed(&self) -> Keyed<'_> {
        Keyed(self)
    }
}

/// Makes the hashers of a table.
#[derive(Clone, Copy)]
pub(crate) struct Keyed<'s>(&'s Seed);

impl<'s> BuildHasher for Keyed<'s> {
    type Hasher = FoldHasher<'s>;

    fn build_hasher(&self) -> FoldHasher<'s> {
        FoldHasher::with_seed(self.0.own, &self.0.shared)
    }
}

impl fmt::Debug for Keyed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::vec::Vec;

    use super::*;

    /// The last eight bytes are the constant that meets them, in which two bits are changed so that
    /// they are a text; with it all of these meet in the low half of the hash.
    fn prepared() -> impl Iterator<Item = [u8; 16]> {
        let end = (0x3f84_d5b5_b547_0917_u64 ^ 0x00a0_0000).to_le_bytes();
        (0..1000_u32).map(move |number| {
            let mut key = [b'a'; 16];
            let digits = [0, 3, 6, 9].map(|shift| b'0' + (number >> shift & 7) as u8);
            key[..4].copy_from_slice(&digits);
            key[8..].copy_from_slice(&end);
            key
        })
    }

    #[test]
    fn prepared_texts_do_not_collide() {
        let low = |hash: u64| hash & 0xffff;
        let fixed = foldhash::fast::FixedState::with_seed(7);
        let text = |key: &[u8; 16]| std::string::String::from_utf8(key.to_vec()).unwrap();
        let keys: Vec<_> = prepared().map(|key| text(&key)).collect();
        let before: HashSet<u64> = keys.iter().map(|key| low(fixed.hash_one(key))).collect();
        let seed = Seed::new(7);
        let now: HashSet<u64> = keys
            .iter()
            .map(|key| low(seed.keyed().hash_one(key)))
            .collect();
        assert!(now.len() > 900, "{} of {} places", now.len(), before.len());
    }

    #[test]
    fn seeds_tell_tables_apart() {
        let hashes: HashSet<u64> = (0..100)
            .map(|seed| Seed::new(seed).keyed().hash_one("the same text"))
            .collect();
        assert_eq!(hashes.len(), 100);
    }
}
