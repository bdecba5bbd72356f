//! Globally unique identifiers, in the byte order of the disk.

use core::fmt;

/// A GUID: its first three fields little-endian, as they stand on the disk (UEFI specification
/// 2.10, appendix A).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

/// Which byte on the disk each pair of digits of the text is.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

impl Guid {
    /// The GUID that marks an unused entry.
    pub const ZERO: Self = Self([0; 16]);

    /// The GUID of a text such as `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`, for constants.
    ///
    /// # Panics
    /// If the text is not 36 characters of that shape.
    #[must_use]
    pub const fn literal(text: &str) -> Self {
        let text = text.as_bytes();
        assert!(text.len() == 36);
        let mut bytes = [0; 16];
        let (mut at, mut index) = (0, 0);
        while index < 16 {
            if matches!(at, 8 | 13 | 18 | 23) {
                assert!(text[at] == b'-');
                at += 1;
            }
            bytes[ORDER[index]] = digit(text[at]) << 4 | digit(text[at + 1]);
            at += 2;
            index += 1;
        }
        Self(bytes)
    }

    /// A GUID of the random kind (RFC 9562, version 4) made of random bytes.
    #[must_use]
    pub const fn random(mut bytes: [u8; 16]) -> Self {
        bytes[7] = bytes[7] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

const fn digit(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'a'..=b'f' => character - b'a' + 10,
        _ => panic!("GUIDs are written in lower-case hex digits"),
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, place) in ORDER.into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[place])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let system = Guid::literal("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        let bytes = [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e,
            0xc9, 0x3b,
        ];
        assert_eq!(system.0, bytes);
        assert_eq!(system.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }

    #[test]
    fn random_ones_say_so() {
        let text = Guid::random([0xff; 16]).to_string();
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
