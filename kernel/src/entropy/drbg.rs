//! A deterministic random bit generator: ChaCha20 with fast key erasure. Pure.
//!
//! Each request uses one key and replaces it by the first 32 bytes of its own output, so what was
//! given out cannot be computed from what is kept. Reseeding hashes the key and the new bytes
//! together with BLAKE3 in key-derivation mode.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

const RESEED_CONTEXT: &str = "basalt 2026 kernel drbg reseed";

/// The generator's state: the next key.
pub struct Drbg {
    key: [u8; 32],
}

impl Drbg {
    /// A generator that starts from `seed`, which must not be guessable.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { key: seed }
    }

    /// Mixes `entropy` in. What the state already holds is never lost by it.
    pub fn reseed(&mut self, entropy: &[u8]) {
        let mut hasher = blake3::Hasher::new_derive_key(RESEED_CONTEXT);
        hasher.update(&self.key);
        hasher.update(entropy);
        self.key = *hasher.finalize().as_bytes();
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        // The key is used once, so the nonce may stay zero.
        let mut stream = ChaCha20::new(&self.key.into(), &[0; 12].into());
        self.key = [0; 32];
        stream.apply_keystream(&mut self.key);
        out.fill(0);
        stream.apply_keystream(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_follows_the_first_32_bytes_of_the_keystream() {
        // ChaCha20 keystream of the zero key and nonce (RFC 8439, appendix A.1, vector 1).
        let mut out = [0; 32];
        Drbg::new([0; 32]).fill(&mut out);
        assert_eq!(out[..8], [0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d]);
    }

    #[test]
    fn requests_do_not_repeat_and_seeds_decide() {
        let (mut one, mut same, mut other) =
            (Drbg::new([1; 32]), Drbg::new([1; 32]), Drbg::new([2; 32]));
        let mut bytes = [[0; 48]; 4];
        one.fill(&mut bytes[0]);
        one.fill(&mut bytes[1]);
        same.fill(&mut bytes[2]);
        other.fill(&mut bytes[3]);
        assert_ne!(bytes[0], bytes[1]);
        assert_eq!(bytes[0], bytes[2]);
        assert_ne!(bytes[0], bytes[3]);
    }

    #[test]
    fn reseeding_changes_the_future() {
        let (mut plain, mut mixed) = (Drbg::new([1; 32]), Drbg::new([1; 32]));
        mixed.reseed(b"");
        let (mut a, mut b) = ([0; 16], [0; 16]);
        plain.fill(&mut a);
        mixed.fill(&mut b);
        assert_ne!(a, b);
    }
}
