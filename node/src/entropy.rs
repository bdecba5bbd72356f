//! Randomness that grows from one seed: names and keys that nobody can guess.

use alloc::format;
use alloc::string::String;

use sha2::{Digest, Sha256};

/// A generator: SHA-256 of the seed and a counter. The seed itself never leaves it.
pub(crate) struct Entropy {
    seed: [u8; 32],
    counter: u64,
}

impl Entropy {
    /// Grows from fresh entropy.
    pub(crate) fn new(seed: [u8; 32]) -> Entropy {
        Entropy { seed, counter: 0 }
    }

    /// 32 bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        self.counter += 1;
        Sha256::new()
            .chain_update(b"node")
            .chain_update(self.seed)
            .chain_update(self.counter.to_le_bytes())
            .finalize()
            .into()
    }

    /// A UUID of version 4 (RFC 9562, section 5.4).
    pub(crate) fn uuid(&mut self) -> String {
        let bytes = self.bytes();
        let mut number = u128::from_be_bytes(core::array::from_fn(|i| bytes[i]));
        number &= !(0xf << 76) & !(0x3 << 62);
        number |= 0x4 << 76 | 0x2 << 62;
        let digits = format!("{number:032x}");
        let (a, b, c, d, e) = (
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        );
        format!("{a}-{b}-{c}-{d}-{e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_version_and_variant() {
        let mut entropy = Entropy::new([1; 32]);
        let (first, second) = (entropy.uuid(), entropy.uuid());
        assert_ne!(first, second);
        for uuid in [first, second] {
            assert_eq!(uuid.len(), 36);
            assert_eq!(&uuid[14..15], "4");
            assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        }
    }
}
