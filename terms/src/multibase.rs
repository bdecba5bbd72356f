//! Text of bytes whose first character names the base (multiformats "multibase").

use alloc::vec;
use alloc::vec::Vec;

use data_encoding::{
    BASE32, BASE32_NOPAD, BASE32HEX, BASE32HEX_NOPAD, BASE64, BASE64_NOPAD, BASE64URL,
    BASE64URL_NOPAD, HEXUPPER,
};

use crate::base58;

/// Longest text that is read, in characters. Base36 and base58 take quadratic time; a peer id has
/// 93 at most, in base16.
pub const MAX_TEXT: usize = 100;

/// The bytes that a text stands for. `None` for a base that is not known, and for a text that is
/// too long or not of its base. Letters of bases that have one case may be of either.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_TEXT || !text.is_ascii() {
        return None;
    }
    let (&base, digits) = text.as_bytes().split_first()?;
    let encoding = match base {
        b'f' | b'F' => &HEXUPPER,
        b'b' | b'B' => &BASE32_NOPAD,
        b'c' | b'C' => &BASE32,
        b'v' | b'V' => &BASE32HEX_NOPAD,
        b't' | b'T' => &BASE32HEX,
        b'm' => return BASE64_NOPAD.decode(digits).ok(),
        b'M' => return BASE64.decode(digits).ok(),
        b'u' => return BASE64URL_NOPAD.decode(digits).ok(),
        b'U' => return BASE64URL.decode(digits).ok(),
        b'k' | b'K' => return base36(digits),
        b'z' => {
            let mut bytes = [0; base58::MAX_DIGITS];
            let len = base58::decode(&text[1..], &mut bytes)?;
            return Some(bytes[..len].to_vec());
        }
        _ => return None,
    };
    encoding.decode(&digits.to_ascii_uppercase()).ok()
}

/// A number in base 36. As in base 58, each zero in front stands for a byte.
fn base36(digits: &[u8]) -> Option<Vec<u8>> {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    // The last byte first.
    let mut number = Vec::new();
    for &digit in digits {
        let mut carry = char::from(digit).to_digit(36)?;
        for byte in &mut number {
            carry += u32::from(*byte) * 36;
            (*byte, carry) = (carry as u8, carry >> 8);
        }
        if carry > 0 {
            number.push(carry as u8);
        }
    }
    let mut bytes = vec![0; zeros];
    bytes.extend(number.iter().rev());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the specification's tests for "yes mani !", with two zeros in front of some.
    #[test]
    fn as_the_specification_has_it() {
        for text in [
            "f796573206d616e692021",
            "F796573206D616E692021",
            "bpfsxgidnmfxgsibb",
            "BPFSXGIDNMFXGSIBB",
            "vf5in683dc5n6i811",
            "tf5in683dc5n6i811",
            "cpfsxgidnmfxgsibb",
            "k2lcpzo5yikidynfl",
            "K2LCPZO5YIKIDYNFL",
            "z7paNL19xttacUY",
            "meWVzIG1hbmkgIQ",
            "MeWVzIG1hbmkgIQ==",
            "ueWVzIG1hbmkgIQ",
            "UeWVzIG1hbmkgIQ==",
        ] {
            assert_eq!(decode(text).as_deref(), Some(&b"yes mani !"[..]), "{text}");
        }
        for text in [
            "f0000796573206d616e692021",
            "k002lcpzo5yikidynfl",
            "z117paNL19xttacUY",
        ] {
            let expected = &b"\0\0yes mani !"[..];
            assert_eq!(decode(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(decode("k"), Some(vec![]));
    }

    #[test]
    fn what_is_no_text_of_a_base() {
        for text in ["", "x00", "f0", "b1", "z0", "k-", "m?", "é", "ké"] {
            assert_eq!(decode(text), None, "{text}");
        }
        let long = [b'k'; MAX_TEXT + 1];
        assert_eq!(decode(core::str::from_utf8(&long).unwrap()), None);
        assert!(decode(core::str::from_utf8(&long[1..]).unwrap()).is_some());
    }
}
