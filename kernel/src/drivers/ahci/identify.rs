//! What the disk says about itself (ACS-3, section 7.12.7): a checked view of 256 words. Pure.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::command::SMALL_LEN;
use crate::drivers::disk::text;

mod word {
    use core::ops::Range;

    pub(super) const SERIAL: Range<usize> = 10..20;
    pub(super) const MODEL: Range<usize> = 27..47;
    pub(super) const COMMANDS: usize = 83;
    pub(super) const BLOCKS: usize = 100;
    pub(super) const SECTOR: usize = 106;
    pub(super) const SECTOR_WORDS: usize = 117;
    pub(super) const TRIM: usize = 169;
}

/// Of the commands: block numbers of 48 bits, and the flush that goes with them.
const WIDE: u16 = 1 << 10;
const FLUSH: u16 = 1 << 13;

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) model: String,
    pub(super) serial: String,
    pub(super) blocks: u64,
    pub(super) block_size: usize,
    pub(super) flush: bool,
    pub(super) trim: bool,
}

impl Identity {
    /// Reads the identity, or says why the disk cannot be used.
    pub(super) fn parse(bytes: &[u8; SMALL_LEN]) -> Result<Self, String> {
        let word = |at: usize| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        // Texts have the first of two characters in the upper half of a word.
        let string = |range: Range<usize>| {
            let characters: Vec<u8> = range.flat_map(|at| word(at).to_be_bytes()).collect();
            text(&characters)
        };
        let commands = word(word::COMMANDS);
        if commands & WIDE == 0 {
            return Err("it is too old: it has no block numbers of 48 bits".into());
        }
        let blocks = (0..4)
            .rev()
            .fold(0, |sum, at| sum << 16 | u64::from(word(word::BLOCKS + at)));
        let sector = word(word::SECTOR);
        // Valid when the two upper bits say so; the twelfth, that sectors are not of 512 bytes.
        let block_size = if sector & 0xd000 == 0x5000 {
            let words =
                u32::from(word(word::SECTOR_WORDS)) | u32::from(word(word::SECTOR_WORDS + 1)) << 16;
            words as usize * 2
        } else {
            512
        };
        if !matches!(block_size, 512 | 4096) {
            return Err(format!(
                "its blocks have {block_size} bytes; 512 and 4096 are supported"
            ));
        }
        Ok(Self {
            model: string(word::MODEL),
            serial: string(word::SERIAL),
            blocks,
            block_size,
            flush: commands & FLUSH != 0,
            trim: word(word::TRIM) & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(words: &[(usize, u16)]) -> [u8; SMALL_LEN] {
        let mut bytes = [0; SMALL_LEN];
        for &(at, value) in words {
            bytes[2 * at..2 * at + 2].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn words_are_where_the_specification_says() {
        let mut words = [
            (83, WIDE | FLUSH),
            (100, 0x1000),
            (101, 1),
            (106, 0x5000),
            (117, 2048),
            (169, 1),
            (27, u16::from_be_bytes(*b"di")),
            (28, u16::from_be_bytes(*b"sk")),
        ];
        let found = Identity::parse(&answer(&words)).unwrap();
        assert_eq!((found.blocks, found.block_size), (0x1_1000, 4096));
        assert!(found.model.starts_with("disk?") && found.model.len() == 40);
        assert!(found.flush && found.trim);
        words[4].1 = 260;
        assert!(
            Identity::parse(&answer(&words))
                .unwrap_err()
                .contains("520")
        );
        words[3].1 = 0x1000;
        assert_eq!(Identity::parse(&answer(&words)).unwrap().block_size, 512);
        words[0].1 = 0;
        assert!(
            Identity::parse(&answer(&words))
                .unwrap_err()
                .contains("48 bits")
        );
    }

    proptest! {
        #[test]
        fn any_answer_is_taken(bytes in proptest::collection::vec(any::<u8>(), SMALL_LEN)) {
            let bytes: [u8; SMALL_LEN] = bytes.try_into().unwrap();
            if let Ok(identity) = Identity::parse(&bytes) {
                prop_assert!([512, 4096].contains(&identity.block_size));
                prop_assert!(identity.serial.is_ascii() && identity.serial.len() <= 20);
            }
        }
    }
}
