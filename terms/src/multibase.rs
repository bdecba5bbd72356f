//! Text of bytes whose first character names the base (multiformats "multibase").

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The bytes that a text stands for. `None` for a base that is not known, for a text that is not of
/// its base, and for one of more than `max` bytes: some bases take quadratic time. Letters of bases
/// that have one case may be of either, as Go's reader takes them.
#[must_use]
pub fn decode(text: &str, max: usize) -> Option<Vec<u8>> {
    if text.len() > max {
        return None;
    }
    let text: Cow<'_, str> = match text.as_bytes().first()? {
        b'f' | b'b' | b'c' | b'v' | b't' | b'k' => text.to_ascii_lowercase().into(),
        b'F' | b'B' | b'C' | b'V' | b'T' | b'K' => text.to_ascii_uppercase().into(),
        // The bytes as they are: no text of a CID.
        b'\0' => return None,
        _ => text.into(),
    };
    multibase::decode(text).ok().map(|(_, bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100;

    /// The table of the specification's tests for "yes mani !", with two zeros in front of some.
    #[test]
    fn as_the_specification_has_it() {
        for text in [
            "f796573206d616e692021",
            "F796573206D616E692021",
            "f796573206D616e692021",
            "bpfsxgidnmfxgsibb",
            "BPFSXGIDNMFXGSIBB",
            "bPFSXGIDNMFXGSIBB",
            "vf5in683dc5n6i811",
            "tf5in683dc5n6i811",
            "cpfsxgidnmfxgsibb",
            "k2lcpzo5yikidynfl",
            "K2LCPZO5YIKIDYNFL",
            "k2LCPZO5YIKIDYNFL",
            "z7paNL19xttacUY",
            "meWVzIG1hbmkgIQ",
            "MeWVzIG1hbmkgIQ==",
            "ueWVzIG1hbmkgIQ",
            "UeWVzIG1hbmkgIQ==",
        ] {
            let found = decode(text, MAX);
            assert_eq!(found.as_deref(), Some(&b"yes mani !"[..]), "{text}");
        }
        for text in [
            "f0000796573206d616e692021",
            "k002lcpzo5yikidynfl",
            "z117paNL19xttacUY",
        ] {
            let expected = &b"\0\0yes mani !"[..];
            assert_eq!(decode(text, MAX).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_of_a_base() {
        for text in ["", "x00", "f0", "b1", "z0", "k-", "m?", "é", "ké", "\0ab"] {
            assert_eq!(decode(text, MAX), None, "{text}");
        }
        let long = [b'k'; MAX + 1];
        let long = core::str::from_utf8(&long).unwrap();
        assert_eq!(decode(long, MAX), None);
        assert!(decode(long, MAX + 1).is_some());
    }
}
