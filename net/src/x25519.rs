//! X25519 (RFC 7748), for Noise and TLS alike, in constant time: the base point by `x25519-dalek`'s
//! tables, other points by `ed25519-compact`, which takes three quarters of the time there.
//!
//! ring's assembler would take 16 % less than that, but ring makes a key only from a source of
//! random bytes of its own, and gives it up after one use. Here bytes come from outside, and a key
//! agrees with two others.

use ed25519_compact::x25519::{PublicKey, SecretKey};
use x25519_dalek::StaticSecret;

/// The public key of a secret.
pub(crate) fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// What two peers share; `None` when the other's point has a small order, so that anybody would
/// know it.
pub(crate) fn shared_secret(secret: &[u8; 32], public: &[u8; 32]) -> Option<[u8; 32]> {
    let shared = PublicKey::new(*public).dh(&SecretKey::new(*secret)).ok()?;
    Some(*shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hex: &str) -> [u8; 32] {
        core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    /// RFC 7748 section 6.1.
    #[test]
    fn alice_and_bob() {
        let alice = key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let alice_public = public_key(&alice);
        let bob_public = public_key(&bob);
        assert_eq!(
            alice_public,
            key("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        );
        assert_eq!(
            bob_public,
            key("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        );
        let shared = key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(shared_secret(&alice, &bob_public), Some(shared));
        assert_eq!(shared_secret(&bob, &alice_public), Some(shared));
    }

    /// RFC 7748 section 5.2: the base point multiplied by itself, then by what it was, a thousand
    /// times.
    #[test]
    fn a_thousand_times() {
        let mut point = [0; 32];
        point[0] = 9;
        let mut scalar = point;
        for _ in 0..1000 {
            let next = shared_secret(&scalar, &point).unwrap();
            (point, scalar) = (scalar, next);
        }
        assert_eq!(
            scalar,
            key("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")
        );
    }

    /// Other arithmetic comes to the same, for any bytes at all.
    #[test]
    fn another_library_agrees() {
        let mut secret = [1; 32];
        let mut point = [0xff; 32];
        for _ in 0..50 {
            assert_eq!(
                public_key(&secret),
                x25519_dalek::x25519(secret, x25519_dalek::X25519_BASEPOINT_BYTES)
            );
            let shared = x25519_dalek::x25519(secret, point);
            assert_eq!(shared_secret(&secret, &point), Some(shared));
            (secret, point) = (shared, secret);
        }
    }

    /// The points of order 1, 2, 4 and 8, on the curve and its twist, as the curve's author lists
    /// them.
    #[test]
    fn points_of_small_order_are_refused() {
        for point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            assert_eq!(shared_secret(&[7; 32], &key(point)), None, "{point}");
        }
    }
}
