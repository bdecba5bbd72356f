//! Signatures of certificates and handshakes: ECDSA over P-256 and P-384, Ed25519, and RSA.

use core::fmt;

use ed25519_dalek as ed25519;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use ring::signature::{self, RsaParameters, UnparsedPublicKey};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Digest, Sha256, Sha384};

/// Checks a signature: key, message, signature.
type Check = fn(&[u8], &[u8], &[u8]) -> Option<()>;

struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    check: Check,
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Algorithm").field(&self.signature).finish()
    }
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.check)(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

fn p256<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn p384<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = ed25519::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    let signature = ed25519::Signature::from_slice(signature).ok()?;
    key.verify_strict(message, &signature).ok()
}

/// RSA by ring: keys of 2048 to 8192 bits. Larger ones would only cost time.
fn rsa(
    parameters: &'static RsaParameters,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Option<()> {
    UnparsedPublicKey::new(parameters, key)
        .verify(message, signature)
        .ok()
}

macro_rules! rsa {
    ($parameters:ident) => {
        |key, message, signature| rsa(&signature::$parameters, key, message, signature)
    };
}

macro_rules! algorithm {
    ($key:ident, $signature:ident, $check:expr) => {
        &Algorithm {
            key: alg_id::$key,
            signature: alg_id::$signature,
            check: $check,
        }
    };
}

type Verifier = &'static dyn SignatureVerificationAlgorithm;

static P256_SHA256: Verifier = algorithm!(ECDSA_P256, ECDSA_SHA256, p256::<Sha256>);
static P256_SHA384: Verifier = algorithm!(ECDSA_P256, ECDSA_SHA384, p256::<Sha384>);
static P384_SHA256: Verifier = algorithm!(ECDSA_P384, ECDSA_SHA256, p384::<Sha256>);
static P384_SHA384: Verifier = algorithm!(ECDSA_P384, ECDSA_SHA384, p384::<Sha384>);
static ED25519: Verifier = algorithm!(ED25519, ED25519, ed25519);
static PKCS1_SHA256: Verifier = algorithm!(
    RSA_ENCRYPTION,
    RSA_PKCS1_SHA256,
    rsa!(RSA_PKCS1_2048_8192_SHA256)
);
static PKCS1_SHA384: Verifier = algorithm!(
    RSA_ENCRYPTION,
    RSA_PKCS1_SHA384,
    rsa!(RSA_PKCS1_2048_8192_SHA384)
);
static PKCS1_SHA512: Verifier = algorithm!(
    RSA_ENCRYPTION,
    RSA_PKCS1_SHA512,
    rsa!(RSA_PKCS1_2048_8192_SHA512)
);
static PSS_SHA256: Verifier = algorithm!(
    RSA_ENCRYPTION,
    RSA_PSS_SHA256,
    rsa!(RSA_PSS_2048_8192_SHA256)
);
static PSS_SHA384: Verifier = algorithm!(
    RSA_ENCRYPTION,
    RSA_PSS_SHA384,
    rsa!(RSA_PSS_2048_8192_SHA384)
);
static PSS_SHA512: Verifier = algorithm!(
    RSA_ENCRYPTION,
    RSA_PSS_SHA512,
    rsa!(RSA_PSS_2048_8192_SHA512)
);

/// Everything that is understood.
pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        P256_SHA256,
        P256_SHA384,
        P384_SHA256,
        P384_SHA384,
        ED25519,
        PKCS1_SHA256,
        PKCS1_SHA384,
        PKCS1_SHA512,
        PSS_SHA256,
        PSS_SHA384,
        PSS_SHA512,
    ],
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[P384_SHA384, P256_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[P256_SHA256, P384_SHA256],
        ),
        (SignatureScheme::ED25519, &[ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[PKCS1_SHA256]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Signatures of `signed by many` that OpenSSL made.
    #[test]
    fn rsa_signatures_of_another_implementation() {
        macro_rules! vector {
            ($name:literal) => {
                include_bytes!(concat!("../../tests/vectors/tls/", $name))
            };
        }
        let key = vector!("rsa-public.der");
        let cases: [(Verifier, &[u8]); 6] = [
            (PKCS1_SHA256, vector!("rsa-pkcs1-sha256.sig")),
            (PKCS1_SHA384, vector!("rsa-pkcs1-sha384.sig")),
            (PKCS1_SHA512, vector!("rsa-pkcs1-sha512.sig")),
            (PSS_SHA256, vector!("rsa-pss-sha256.sig")),
            (PSS_SHA384, vector!("rsa-pss-sha384.sig")),
            (PSS_SHA512, vector!("rsa-pss-sha512.sig")),
        ];
        for (index, (algorithm, _)) in cases.iter().enumerate() {
            for (other, (_, signature)) in cases.iter().enumerate() {
                let valid = algorithm.verify_signature(key, b"signed by many", signature);
                assert_eq!(valid.is_ok(), index == other, "{index} {other}");
            }
            let (_, signature) = cases[index];
            assert!(
                algorithm
                    .verify_signature(key, b"signed by none", signature)
                    .is_err()
            );
            assert!(
                algorithm
                    .verify_signature(&key[1..], b"signed by many", signature)
                    .is_err()
            );
        }
    }
}
