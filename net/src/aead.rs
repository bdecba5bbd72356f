//! ChaCha20-Poly1305 (RFC 8439 section 2.8), for Noise and TLS alike.
//!
//! The vectors of the `poly1305` crate take almost two microseconds to set up, in which time one multiplication per
//! block has done four kibibytes: short texts are authenticated by `cryptoxide` and long ones by `poly1305`.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use cryptoxide::constant_time::CtEqual;
use poly1305::universal_hash::{KeyInit, UniversalHash};

/// Bytes that authenticate a ciphertext.
pub const TAG: usize = 16;

/// From this length on, in bytes, the vectors are worth their set-up.
const LONG: usize = 4096;
/// Bytes of a block of the cipher.
const BLOCK: usize = 64;

/// A key.
#[derive(Clone)]
pub(crate) struct Aead {
    key: [u8; 32],
}

impl Aead {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Encrypts `text` where it lies and gives its tag, which stands for `ad` too.
    pub(crate) fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let (mut cipher, mac) = self.start(nonce);
        cipher.apply_keystream(text);
        tag(&mac, ad, text)
    }

    /// Decrypts `text` where it lies, if `expected` is its tag; leaves it alone if not.
    pub(crate) fn open(
        &self,
        nonce: &[u8; 12],
        ad: &[u8],
        text: &mut [u8],
        expected: &[u8; TAG],
    ) -> Result<(), ()> {
        let (mut cipher, mac) = self.start(nonce);
        if !tag(&mac, ad, text).ct_eq(expected).is_true() {
            return Err(());
        }
        cipher.apply_keystream(text);
        Ok(())
    }

    /// The cipher as it stands behind its first block, and the key of the MAC, which that block begins with.
    fn start(&self, nonce: &[u8; 12]) -> (ChaCha20, [u8; 32]) {
        let mut cipher = ChaCha20::new(&self.key.into(), nonce.into());
        let mut block = [0; BLOCK];
        cipher.apply_keystream(&mut block);
        let mut mac = [0; 32];
        mac.copy_from_slice(&block[..32]);
        (cipher, mac)
    }
}

/// The tag of a ciphertext: over `ad` and `text`, each padded to whole blocks, and their lengths.
fn tag(key: &[u8; 32], ad: &[u8], text: &[u8]) -> [u8; TAG] {
    let mut lengths = [0; 16];
    lengths[..8].copy_from_slice(&(ad.len() as u64).to_le_bytes());
    lengths[8..].copy_from_slice(&(text.len() as u64).to_le_bytes());
    if text.len() >= LONG {
        let mut mac = poly1305::Poly1305::new(key.into());
        mac.update_padded(ad);
        mac.update_padded(text);
        mac.update_padded(&lengths);
        mac.finalize().into()
    } else {
        let mut mac = cryptoxide::poly1305::Poly1305::new(key);
        for part in [ad, text] {
            mac.update_mut(part);
            mac.update_mut(&[0; 16][..part.len().next_multiple_of(16) - part.len()]);
        }
        mac.update_mut(&lengths);
        mac.finalize().0
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
        let aead = Aead::new(key.try_into().unwrap());
        let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let ad = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
            the future, sunscreen would be it.";
        let mut message = text.to_vec();
        let tag = aead.seal(&nonce, &ad, &mut message);
        assert_eq!(
            message[..8],
            [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]
        );
        let expected = [
            0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a, 0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60,
            0x06, 0x91,
        ];
        assert_eq!(tag, expected);
        assert_eq!(aead.open(&nonce, &ad, &mut message, &tag), Ok(()));
        assert_eq!(message, text);
    }

    #[test]
    fn a_bit_more_or_less_is_refused_at_any_length() {
        let aead = Aead::new([3; 32]);
        let nonce = [9; 12];
        for len in [
            0,
            1,
            15,
            16,
            17,
            63,
            64,
            1400,
            LONG - 1,
            LONG,
            LONG + 1,
            65519,
        ] {
            let mut message = vec![7; len];
            let mut tag = aead.seal(&nonce, b"of", &mut message);
            let sealed = message.clone();
            assert_eq!(aead.open(&nonce, b"on", &mut message, &tag), Err(()));
            tag[15] ^= 1;
            assert_eq!(aead.open(&nonce, b"of", &mut message, &tag), Err(()));
            assert_eq!(message, sealed);
            tag[15] ^= 1;
            assert_eq!(aead.open(&nonce, b"of", &mut message, &tag), Ok(()));
            assert_eq!(message, vec![7; len]);
        }
    }

    /// Both ways of authenticating agree, whatever the length.
    #[test]
    fn both_macs_agree() {
        let text: Vec<u8> = (0..2 * LONG).map(|i| (i * 31) as u8).collect();
        for len in [LONG - 16, LONG, LONG + 5, 2 * LONG] {
            let mut long = poly1305::Poly1305::new(&[5; 32].into());
            long.update_padded(&text[..len]);
            let mut short = cryptoxide::poly1305::Poly1305::new(&[5; 32]);
            short.update_mut(&text[..len]);
            short.update_mut(&[0; 16][..len.next_multiple_of(16) - len]);
            assert_eq!(
                <[u8; TAG]>::from(long.finalize()),
                short.finalize().0,
                "{len}"
            );
        }
    }
}
