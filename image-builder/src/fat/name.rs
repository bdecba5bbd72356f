//! File names of a FAT directory: the short 8.3 name, and the long name in its own entries.

use super::{entry, error::Error};

/// A name as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// The 8.3 name, padded with spaces.
    pub(crate) short: [u8; 11],
    /// The long name in UTF-16, if the short one does not say it all.
    long: Option<Vec<u16>>,
}

impl Name {
    /// A name for `text` that differs from those `taken`.
    pub(crate) fn new(text: &str, taken: &[[u8; 11]]) -> Result<Self, Error> {
        let long: Vec<u16> = text.encode_utf16().collect();
        let forbidden = |c: char| c.is_control() || "\"*/:<>?\\|".contains(c);
        if text.is_empty()
            || long.len() > 255
            || text.contains(forbidden)
            || text.ends_with(['.', ' '])
        {
            return Err(Error::Name(text.into()));
        }
        if let Some(short) = exact(text) {
            return match taken.contains(&short) {
                false => Ok(Self { short, long: None }),
                true => Err(Error::Name(text.into())),
            };
        }
        let (stem, extension) = text.rsplit_once('.').unwrap_or((text, ""));
        (1..=9)
            .map(|number| alias(stem, extension, number))
            .find(|short| !taken.contains(short))
            .map(|short| Self {
                short,
                long: Some(long),
            })
            .ok_or_else(|| Error::Name(text.into()))
    }

    /// The entries that precede the file's own: the long name in pieces of 13, last piece first.
    pub(crate) fn long_entries(&self) -> Vec<[u8; entry::SIZE]> {
        let Some(long) = &self.long else {
            return Vec::new();
        };
        let checksum = self
            .short
            .iter()
            .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        let pieces = long.chunks(13);
        let last = pieces.len();
        let mut entries: Vec<_> = pieces
            .enumerate()
            .map(|(index, piece)| {
                let mut entry = [0; entry::SIZE];
                let end = if index + 1 == last { 0x40 } else { 0 };
                entry[0] = (index as u8 + 1) | end;
                entry[entry::ATTRIBUTES] = entry::LONG_NAME;
                entry[13] = checksum;
                // The name ends with a zero, if there is room for it, and with 0xffff after it.
                let units = piece
                    .iter()
                    .copied()
                    .chain([0])
                    .chain(core::iter::repeat(0xffff));
                let places = (1..11).chain(14..26).chain(28..32).step_by(2);
                for (place, unit) in places.zip(units) {
                    entry[place..place + 2].copy_from_slice(&unit.to_le_bytes());
                }
                entry
            })
            .collect();
        entries.reverse();
        entries
    }
}

/// Whether a character of a long name may stand in a short one.
fn plain(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || "!#$%&'()-@^_`{}~".contains(c)
}

fn padded(stem: &str, extension: &str) -> [u8; 11] {
    let mut short = [b' '; 11];
    short[..stem.len()].copy_from_slice(stem.as_bytes());
    short[8..8 + extension.len()].copy_from_slice(extension.as_bytes());
    short
}

/// The short name that says exactly `text`, if there is one.
fn exact(text: &str) -> Option<[u8; 11]> {
    let (stem, extension) = text.split_once('.').unwrap_or((text, ""));
    let fits = (1..=8).contains(&stem.len()) && extension.len() <= 3;
    let dot = text.len() == stem.len() || !extension.is_empty();
    (fits && dot && stem.chars().all(plain) && extension.chars().all(plain))
        .then(|| padded(stem, extension))
}

/// A short stand-in for a long name: six characters, `~`, a number.
fn alias(stem: &str, extension: &str, number: u8) -> [u8; 11] {
    let folded = |text: &str, room: usize| -> String {
        text.chars()
            .filter(|c| !matches!(c, ' ' | '.'))
            .map(|c| c.to_ascii_uppercase())
            .map(|c| if plain(c) { c } else { '_' })
            .take(room)
            .collect()
    };
    padded(
        &format!("{}~{number}", folded(stem, 6)),
        &folded(extension, 3),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stand_alone() {
        for (text, short) in [
            ("BOOTX64.EFI", b"BOOTX64 EFI"),
            ("EFI", b"EFI        "),
            ("A-1.B", b"A-1     B  "),
        ] {
            let name = Name::new(text, &[]).unwrap();
            assert_eq!(&name.short, short);
            assert!(name.long_entries().is_empty());
        }
    }

    #[test]
    fn other_names_get_a_free_alias_and_a_long_name() {
        let first = Name::new("manifest.toml", &[]).unwrap();
        assert_eq!(&first.short, b"MANIFE~1TOM");
        assert_eq!(first.long_entries().len(), 1);
        let second = Name::new("manifest.toml.backup copy", &[first.short]).unwrap();
        assert_eq!(&second.short, b"MANIFE~1BAC");
        assert_eq!(second.long_entries().len(), 2);
        assert_eq!(second.long_entries()[0][0], 0x42);
        let third = Name::new("manifesto.tom", &[first.short]).unwrap();
        assert_eq!(&third.short, b"MANIFE~2TOM");
        assert_eq!(&Name::new("a", &[]).unwrap().short, b"A~1        ");
    }

    #[test]
    fn impossible_names_are_refused() {
        for text in ["", "a/b", "a:", "x.", "\u{7}", &"n".repeat(256)] {
            assert!(
                matches!(Name::new(text, &[]), Err(Error::Name(_))),
                "{text}"
            );
        }
        assert!(Name::new("EFI", &[*b"EFI        "]).is_err());
    }
}
