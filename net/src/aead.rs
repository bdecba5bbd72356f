//! ChaCha20-Poly1305 (RFC 8439 section 2.8), for Noise and TLS alike: ring's, whose assembler does
//! cipher and MAC in one pass and so takes half the time of the two one after the other. It needs
//! nothing from an operating system.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, Tag, UnboundKey};

/// Bytes that authenticate a ciphertext.
pub const TAG: usize = 16;

/// A key.
pub(crate) struct Aead {
    key: LessSafeKey,
}

impl Aead {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key of 32 bytes");
        Self {
            key: LessSafeKey::new(key),
        }
    }

    /// Encrypts `text` where it lies and gives its tag, which stands for `ad` too.
    pub(crate) fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(ad), text)
            .expect("less than 256 GiB");
        let mut bytes = [0; TAG];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Decrypts `text` where it lies, if `expected` is its tag; leaves zeroes if not.
    pub(crate) fn open(
        &self,
        nonce: [u8; 12],
        ad: &[u8],
        text: &mut [u8],
        expected: &[u8; TAG],
    ) -> Result<(), ()> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = Tag::from(*expected);
        self.key
            .open_in_place_separate_tag(nonce, Aad::from(ad), tag, text, 0..)
            .map(drop)
            .map_err(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// RFC 8439 section 2.8.2.
    #[test]
    fn the_known_message() {
        let key: Vec<u8> = (0x80..0xa0).collect();
        let aead = Aead::new(&key.try_into().unwrap());
        let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let ad = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
            the future, sunscreen would be it.";
        let mut message = text.to_vec();
        let tag = aead.seal(nonce, &ad, &mut message);
        assert_eq!(
            message[..8],
            [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]
        );
        let expected = [
            0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60,
            0x06, 0x91,
        ];
        assert_eq!(tag, expected);
        assert_eq!(aead.open(nonce, &ad, &mut message, &tag), Ok(()));
        assert_eq!(message, text);
    }

    #[test]
    fn a_bit_more_or_less_is_refused_at_any_length() {
        let aead = Aead::new(&[3; 32]);
        let nonce = [9; 12];
        for len in [0, 1, 15, 16, 17, 63, 64, 1400, 4095, 4096, 4097, 65519] {
            let mut message = vec![7; len];
            let mut tag = aead.seal(nonce, b"of", &mut message);
            let sealed = message.clone();
            assert_eq!(aead.open(nonce, b"on", &mut message, &tag), Err(()));
            assert_eq!(message, vec![0; len], "nothing unauthenticated stays");
            tag[15] ^= 1;
            message.clone_from(&sealed);
            assert_eq!(aead.open(nonce, b"of", &mut message, &tag), Err(()));
            tag[15] ^= 1;
            message.clone_from(&sealed);
            assert_eq!(aead.open(nonce, b"of", &mut message, &tag), Ok(()));
            assert_eq!(message, vec![7; len]);
        }
    }
}
