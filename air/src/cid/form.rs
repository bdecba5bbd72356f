//! Which texts are CIDs.
//!
//! Each CID has a great many spellings: multibase has two dozen bases, and its numbers can be
//! padded. To read them all would let a sender name one value as often as he likes, and make us
//! decode digits as long as he likes, which takes time in the square of their count. The network
//! writes one form, and the reference was seen to take three more: SHA2-256 in place of BLAKE3, and
//! base58 in place of base32. Those four are read, all of a fixed length, in these letters alone.

use basalt_terms::cid::{BLAKE3, SHA2_256};

use super::compute::{LEN, PREFIX, SHA2_PREFIX, sha2_text};

/// Length of a CID in base58, with the `z` of multibase.
const BASE58_LEN: usize = 51;

/// Whether `text` is a CID in one of the forms that are read.
pub(super) fn is_canonical(text: &str) -> bool {
    match text.as_bytes() {
        [b'b', digits @ ..] if text.len() == LEN => {
            let known = [PREFIX, SHA2_PREFIX].map(|prefix| text.as_bytes().starts_with(prefix));
            known != [false; 2] && digits.iter().all(|digit| BASE32[usize::from(*digit)])
        }
        [b'z', ..] => binary(text).is_some(),
        _ => false,
    }
}

/// Whether a CID in a form other than ours is that of `bytes`.
pub(super) fn names(text: &str, bytes: &[u8]) -> bool {
    if text.as_bytes().starts_with(SHA2_PREFIX) {
        return sha2_text(bytes).as_str() == text;
    }
    use sha2::Digest;
    binary(text).is_some_and(|cid| match cid[HASH] {
        BLAKE3 => cid[HEAD..] == *blake3::hash(bytes).as_bytes(),
        _ => cid[HEAD..] == sha2::Sha256::digest(bytes)[..],
    })
}

/// Bytes of a CID in front of its digest: CIDv1, JSON (two bytes), the hash function, the length.
const HEAD: usize = 5;
/// Place of the hash function.
const HASH: usize = 3;

/// The bytes of a CID in base58.
fn binary(text: &str) -> Option<[u8; HEAD + 32]> {
    if text.len() != BASE58_LEN || !text.starts_with('z') {
        return None;
    }
    let (_, bytes) = multibase::decode(text).ok()?;
    let cid: [u8; HEAD + 32] = bytes.try_into().ok()?;
    matches!(cid[..HEAD], [1, 0x80, 4, BLAKE3 | SHA2_256, 32]).then_some(cid)
}

/// The letters of base32.
const BASE32: [bool; 256] = {
    let mut letters = [false; 256];
    let mut letter = 0;
    while letter < 256 {
        letters[letter] = matches!(letter as u8, b'a'..=b'z' | b'2'..=b'7');
        letter += 1;
    }
    letters
};

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use multibase::Base;

    use super::super::of_bytes;
    use super::*;

    #[test]
    fn four_forms_are_read() {
        let value = b"\"test\"";
        let [blake3, sha2] = [of_bytes(value), sha2_text(value)];
        let base58 =
            |text: &str| multibase::encode(Base::Base58Btc, multibase::decode(text).unwrap().1);
        let [blake3, sha2] = [blake3.as_str(), sha2.as_str()];
        assert!(is_canonical(blake3));
        for text in [sha2.into(), base58(blake3), base58(sha2)] {
            assert!(is_canonical(&text), "{text}");
            assert!(names(&text, value), "{text}");
            assert!(!names(&text, b"\"other\""), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let ours = of_bytes(b"1");
        let cid = multibase::decode(ours.as_str()).unwrap().1;
        for base in [
            Base::Base2,
            Base::Base8,
            Base::Base10,
            Base::Base16Lower,
            Base::Base16Upper,
            Base::Base32Upper,
            Base::Base32PadLower,
            Base::Base32HexLower,
            Base::Base36Lower,
            Base::Base58Flickr,
            Base::Base64,
            Base::Base64Url,
        ] {
            assert!(!is_canonical(&multibase::encode(base, &cid)), "{base:?}");
        }
        let padded = [&[0x81, 0][..], &cid[1..]].concat();
        let longer = [&cid[..], &[0]].concat();
        let raw = [&[1, 0x55][..], &cid[3..]].concat();
        for bytes in [&padded[..], &longer, &raw, &cid[..36]] {
            for base in [Base::Base32Lower, Base::Base58Btc] {
                assert!(!is_canonical(&multibase::encode(base, bytes)), "{bytes:?}");
            }
        }
        let flipped = ours.as_str().replace('a', "A");
        for text in [
            "",
            "b",
            "z",
            "é",
            &flipped,
            &"z".repeat(51),
            &"1".repeat(500_000),
        ] {
            assert!(!is_canonical(text), "{text}");
        }
        let mut accented = String::from(ours.as_str());
        accented.replace_range(20..22, "é");
        assert!(!is_canonical(&accented));
    }
}
