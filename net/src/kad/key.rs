//! Keys in the hash table's space: SHA-256 of an id, and the XOR metric.

use sha2::{Digest, Sha256};

use basalt_terms::peer_id::PeerId;

/// A point in the space: the SHA-256 of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; 32]);

/// The distance of two points; compares as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance([u8; 32]);

impl Key {
    /// The point of any bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The distance to another point.
    pub fn distance(&self, other: &Self) -> Distance {
        Distance(core::array::from_fn(|i| self.0[i] ^ other.0[i]))
    }
}

impl From<&PeerId> for Key {
    fn from(peer: &PeerId) -> Self {
        Self::of(peer.as_bytes())
    }
}

impl Distance {
    /// The bucket of this distance: the position of its highest bit, 0 to 255; `None` for distance
    /// 0.
    pub fn bucket(&self) -> Option<u8> {
        let index = self.0.iter().position(|&byte| byte != 0)?;
        let bit = 7 - self.0[index].leading_zeros() as usize;
        Some((8 * (31 - index) + bit) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_by_highest_bit() {
        let at = |index: usize, byte: u8| {
            let mut bytes = [0; 32];
            bytes[index] = byte;
            Distance(bytes).bucket()
        };
        assert_eq!(at(0, 0x80), Some(255));
        assert_eq!(at(0, 1), Some(248));
        assert_eq!(at(31, 3), Some(1));
        assert_eq!(at(31, 1), Some(0));
        assert_eq!(at(31, 0), None);
    }

    #[test]
    fn the_metric_is_symmetric() {
        let (a, b) = (Key::of(b"a"), Key::of(b"b"));
        assert_eq!(a.distance(&b), b.distance(&a));
        assert_eq!(a.distance(&a).bucket(), None);
    }
}
