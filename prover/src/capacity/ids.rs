//! The 32-byte values of the protocol, all in hex without prefix when shown.

use core::fmt;
use core::str::FromStr;

/// A string that is not 32 bytes in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHex32;

impl fmt::Display for NotHex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not 32 bytes in hex: expected 64 hex digits, with or without 0x")
    }
}

impl core::error::Error for NotHex32 {}

fn parse(text: &str) -> Result<[u8; 32], NotHex32> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return Err(NotHex32);
    }
    let digit = |d: u8| char::from(d).to_digit(16).ok_or(NotHex32);
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
    }
    Ok(bytes)
}

macro_rules! value {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotHex32;

            fn from_str(text: &str) -> Result<Self, NotHex32> {
                parse(text).map(Self)
            }
        }
    };
}

value!(
    /// A compute unit.
    CuId
);
value!(
    /// The nonce of an epoch, from the Capacity contract.
    GlobalNonce
);
value!(
    /// The threshold of an epoch: a big-endian number, smaller is harder.
    Difficulty
);
value!(
    /// The prover's choice: what is hashed.
    LocalNonce
);
value!(
    /// A RandomX hash as part of a proof.
    ResultHash
);

impl Difficulty {
    /// Whether `hash` is good enough: not above the threshold, as big-endian numbers.
    pub fn is_met_by(&self, hash: &ResultHash) -> bool {
        hash.0 <= self.0
    }

    /// Hashes per proof on average: 2^256 / (difficulty + 1).
    pub fn hashes_per_proof(&self) -> f64 {
        // 2^-256 times a value below 2^256 keeps all precision an f64 has.
        let scaled = self
            .0
            .iter()
            .rev()
            .fold(0.0, |low, byte| (low + f64::from(*byte)) / 256.0);
        1.0 / (scaled + TINY)
    }
}

/// 2^-256: what one unit of the difficulty is worth.
const TINY: f64 = f64::from_bits((1023 - 256) << 52);

impl LocalNonce {
    /// The next one: the first eight bytes are a little-endian counter that wraps; the rest, drawn
    /// at random for every job of every thread, stays.
    pub fn next(self) -> Self {
        let mut bytes = self.0;
        let counter = bytes[..8].as_chunks_mut().0;
        counter[0] = u64::from_le_bytes(counter[0]).wrapping_add(1).to_le_bytes();
        Self(bytes)
    }
}
