//! What the device says about itself (NVMe 1.4, section 5.15.2): checked views of 4 KiB. Pure.

use alloc::format;
use alloc::string::String;

use crate::drivers::disk::text;

/// Bytes of every answer.
pub(super) const LEN: usize = 4096;

mod field {
    use core::ops::Range;

    pub(super) const SERIAL: Range<usize> = 4..24;
    pub(super) const MODEL: Range<usize> = 24..64;
    pub(super) const MAX_TRANSFER: usize = 77;
    pub(super) const NAMESPACES: usize = 516;
    pub(super) const COMMANDS: usize = 520;
    pub(super) const CACHE: usize = 525;

    pub(super) const SIZE: usize = 0;
    pub(super) const FORMAT: usize = 26;
    pub(super) const PROTECTION: usize = 29;
    pub(super) const ATTRIBUTES: usize = 99;
    pub(super) const FORMATS: usize = 128;
}

/// The bit of the optional commands that is dataset management.
const MANAGE: u16 = 1 << 2;

fn word(bytes: &[u8; LEN], at: usize) -> u32 {
    u32::from_le_bytes(core::array::from_fn(|index| bytes[at + index]))
}

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Controller {
    pub(super) model: String,
    pub(super) serial: String,
    /// Most pages of one transfer; `None`: no limit.
    pub(super) max_pages: Option<usize>,
    /// Number of namespaces that there may be.
    pub(super) namespaces: u32,
    /// Whether it can be told which blocks hold nothing.
    pub(super) manages: bool,
    /// Whether it has a cache that forgets.
    pub(super) cache: bool,
}

impl Controller {
    pub(super) fn parse(bytes: &[u8; LEN]) -> Self {
        let exponent = u32::from(bytes[field::MAX_TRANSFER]);
        Self {
            model: text(&bytes[field::MODEL]),
            serial: text(&bytes[field::SERIAL]),
            max_pages: match exponent {
                0 => None,
                _ => 1_usize.checked_shl(exponent),
            },
            namespaces: word(bytes, field::NAMESPACES),
            manages: word(bytes, field::COMMANDS) as u16 & MANAGE != 0,
            cache: bytes[field::CACHE] & 1 == 1,
        }
    }
}

/// A namespace: what others call a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Namespace {
    pub(super) blocks: u64,
    pub(super) block_size: usize,
    pub(super) read_only: bool,
}

impl Namespace {
    /// Reads the namespace, or says why it cannot be used.
    pub(super) fn parse(bytes: &[u8; LEN]) -> Result<Self, String> {
        let blocks =
            u64::from(word(bytes, field::SIZE)) | u64::from(word(bytes, field::SIZE + 4)) << 32;
        let selector = bytes[field::FORMAT];
        let index = usize::from(selector & 0xf | selector >> 1 & 0x30);
        let format = word(bytes, field::FORMATS + 4 * index);
        let (metadata, exponent) = (format & 0xffff, format >> 16 & 0xff);
        if metadata != 0 || bytes[field::PROTECTION] & 7 != 0 {
            return Err(format!(
                "its blocks carry {metadata} bytes of metadata, which is not supported: format it without"
            ));
        }
        if !matches!(exponent, 9 | 12) {
            return Err(format!(
                "its blocks have 2^{exponent} bytes; 512 and 4096 are supported"
            ));
        }
        Ok(Self {
            blocks,
            block_size: 1 << exponent,
            read_only: bytes[field::ATTRIBUTES] & 1 == 1,
        })
    }
}

/// The one namespace in a list of those that are active, or why there is not one.
pub(super) fn only_one(list: &[u8; LEN]) -> Result<u32, String> {
    let count = (0..LEN / 4)
        .take_while(|index| word(list, 4 * index) != 0)
        .count();
    match count {
        1 => Ok(word(list, 0)),
        0 => Err("it has no active namespace: create one".into()),
        _ => Err(format!(
            "it has {count} active namespaces; controllers with exactly one are supported"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formats_are_looked_up() {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(&1000_u64.to_le_bytes());
        bytes[26] = 0x21;
        // Format 17, by the bits 5 and 0 of the selector.
        bytes[128 + 4 * 17..][..4].copy_from_slice(&(12_u32 << 16).to_le_bytes());
        let found = Namespace::parse(&bytes).unwrap();
        assert_eq!((found.blocks, found.block_size), (1000, 4096));
        bytes[128 + 4 * 17] = 8;
        assert!(Namespace::parse(&bytes).unwrap_err().contains("metadata"));
        bytes[26] = 0;
        assert!(Namespace::parse(&bytes).unwrap_err().contains("2^0"));
    }

    #[test]
    fn exactly_one_namespace_is_used() {
        let mut list = [0; LEN];
        assert!(only_one(&list).unwrap_err().contains("no active"));
        list[0] = 7;
        assert_eq!(only_one(&list), Ok(7));
        list[4] = 9;
        assert!(only_one(&list).unwrap_err().contains("2 active"));
        assert!(only_one(&[1; LEN]).unwrap_err().contains("1024 active"));
    }

    proptest! {
        #[test]
        fn any_answer_is_taken(bytes in proptest::collection::vec(any::<u8>(), LEN)) {
            let bytes: [u8; LEN] = bytes.try_into().unwrap();
            let controller = Controller::parse(&bytes);
            prop_assert!(controller.model.is_ascii() && controller.model.len() <= 40);
            if let Ok(namespace) = Namespace::parse(&bytes) {
                prop_assert!([512, 4096].contains(&namespace.block_size));
            }
        }
    }
}
