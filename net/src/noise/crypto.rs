//! The primitives of `Noise_XX_25519_ChaChaPoly_SHA256`, for the handshake.

use noise_protocol::{Cipher, DH, Hash, U8Array};
use sha2::Digest;

use crate::aead::{Aead, TAG};
use crate::x25519;

/// X25519. A key is the secret followed by its public key, so that the latter is computed once.
#[derive(Debug)]
pub(super) enum X25519 {}

/// A key pair from 32 bytes of entropy.
pub(super) fn key_pair(secret: [u8; 32]) -> [u8; 64] {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(&secret);
    pair[32..].copy_from_slice(&x25519::public_key(&secret));
    pair
}

impl DH for X25519 {
    type Key = [u8; 64];
    type Pubkey = [u8; 32];
    type Output = [u8; 32];

    fn name() -> &'static str {
        "25519"
    }

    /// Never called: a handshake is given both its keys.
    fn genkey() -> [u8; 64] {
        [0; 64]
    }

    fn pubkey(key: &[u8; 64]) -> [u8; 32] {
        <[u8; 32]>::from_slice(&key[32..])
    }

    fn dh(key: &[u8; 64], public: &[u8; 32]) -> Result<[u8; 32], ()> {
        let secret = <[u8; 32]>::from_slice(&key[..32]);
        x25519::shared_secret(&secret, public).ok_or(())
    }
}

/// ChaCha20-Poly1305 (RFC 8439).
#[derive(Debug)]
pub(super) enum ChaChaPoly {}

/// The nonce of message `counter`: four zero bytes and the counter (Noise section 12.3).
pub(super) fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce
}

impl Cipher for ChaChaPoly {
    type Key = [u8; 32];

    fn name() -> &'static str {
        "ChaChaPoly"
    }

    fn encrypt(key: &[u8; 32], counter: u64, ad: &[u8], text: &[u8], out: &mut [u8]) {
        let (body, tag) = out.split_at_mut(text.len());
        body.copy_from_slice(text);
        tag.copy_from_slice(&Aead::new(key).seal(nonce(counter), ad, body));
    }

    fn encrypt_in_place(
        key: &[u8; 32],
        counter: u64,
        ad: &[u8],
        in_out: &mut [u8],
        len: usize,
    ) -> usize {
        let (body, rest) = in_out.split_at_mut(len);
        let tag = Aead::new(key).seal(nonce(counter), ad, body);
        rest[..TAG].copy_from_slice(&tag);
        len + TAG
    }

    fn decrypt(
        key: &[u8; 32],
        counter: u64,
        ad: &[u8],
        text: &[u8],
        out: &mut [u8],
    ) -> Result<(), ()> {
        let (body, tag) = text.split_last_chunk::<TAG>().ok_or(())?;
        out.copy_from_slice(body);
        Aead::new(key).open(nonce(counter), ad, out, tag)
    }

    fn decrypt_in_place(
        key: &[u8; 32],
        counter: u64,
        ad: &[u8],
        in_out: &mut [u8],
        len: usize,
    ) -> Result<usize, ()> {
        let (body, tag) = in_out[..len].split_last_chunk_mut::<TAG>().ok_or(())?;
        Aead::new(key).open(nonce(counter), ad, body, tag)?;
        Ok(len - TAG)
    }
}

/// SHA-256.
#[derive(Debug, Default)]
pub(super) struct Sha256(sha2::Sha256);

impl Hash for Sha256 {
    type Block = [u8; 64];
    type Output = [u8; 32];

    fn name() -> &'static str {
        "SHA256"
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self) -> [u8; 32] {
        self.0.finalize_reset().into()
    }
}
