//! Certificates and keys of the `[tls]` section, checked by their form.
//!
//! The manifest is read by host tools that have no cryptography: compiling it would take longer
//! than the rest of them. So a certificate is parsed, by the same parser that the node's TLS uses,
//! and a key is parsed, but nothing is computed with either. The public half of a key is compared
//! with the certificate where the key's file holds it, as those for P-256 usually do and those for
//! Ed25519 usually do not. The node computes it when it starts and refuses a key that belongs to
//! another certificate.

use alloc::vec::Vec;
use core::fmt;

use pkcs8::der::Decode;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sec1::EcPrivateKey;
use webpki::{EndEntityCert, anchor_from_trusted_cert};

/// `id-ecPublicKey` (RFC 5480).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curve P-256, `secp256r1` (RFC 5480).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `id-Ed25519` (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What is wrong in the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// The chain holds something that is not a certificate, or nothing.
    Certificate,
    /// The key is malformed, of another kind, or belongs to another certificate.
    Key,
    /// The root is not a certificate.
    Root,
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the TLS certificate is not a chain of certificates in PEM",
            Self::Key => {
                "the TLS key is not a P-256 or Ed25519 key in PKCS #8 PEM that belongs to the \
                 certificate"
            }
            Self::Root => "a TLS root is not a certificate in PEM",
        })
    }
}

/// Checks the certificate of an authority.
pub(crate) fn check_root(pem: &str) -> Result<(), TlsFault> {
    let root = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| TlsFault::Root)?;
    match anchor_from_trusted_cert(&root) {
        Ok(_) => Ok(()),
        Err(_) => Err(TlsFault::Root),
    }
}

/// Checks a chain of certificates, the node's own first, and the key of the first.
pub(crate) fn check_certificate(chain: &str, key: &str) -> Result<(), TlsFault> {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsFault::Certificate)?;
    let own = chain.first().ok_or(TlsFault::Certificate)?;
    let own = EndEntityCert::try_from(own).map_err(|_| TlsFault::Certificate)?;
    let certified = own.subject_public_key_info();
    let certified =
        SubjectPublicKeyInfoRef::from_der(&certified).map_err(|_| TlsFault::Certificate)?;

    let Ok(PrivateKeyDer::Pkcs8(key)) = PrivateKeyDer::from_pem_slice(key.as_bytes()) else {
        return Err(TlsFault::Key);
    };
    let key = Key::read(key.secret_pkcs8_der()).ok_or(TlsFault::Key)?;
    let public = certified.subject_public_key.as_bytes();
    match key.kind == Kind::of(&certified.algorithm) && key.may_belong_to(public) {
        true => Ok(()),
        false => Err(TlsFault::Key),
    }
}

/// The kinds of keys that the node signs with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    Ed25519,
}

impl Kind {
    fn of(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Self> {
        if algorithm.assert_oids(EC, P256).is_ok() {
            return Some(Self::P256);
        }
        let is_ed25519 = algorithm.oid == ED25519 && algorithm.parameters.is_none();
        is_ed25519.then_some(Self::Ed25519)
    }
}

/// A private key, as far as it is looked at.
struct Key<'a> {
    kind: Option<Kind>,
    /// Its public half, if the file holds it.
    public: Option<&'a [u8]>,
}

impl<'a> Key<'a> {
    /// Reads a key in PKCS #8 (RFC 5958). `None` if it is malformed or of a kind that is not used.
    fn read(der: &'a [u8]) -> Option<Self> {
        let info = PrivateKeyInfoRef::from_der(der).ok()?;
        let secret = info.private_key.as_bytes();
        let kind = Kind::of(&info.algorithm)?;
        let public = match kind {
            Kind::P256 => {
                let key = EcPrivateKey::from_der(secret).ok()?;
                if key.private_key.len() != 32 {
                    return None;
                }
                key.public_key
            }
            // An OCTET STRING of 32 bytes inside the one of PKCS #8 (RFC 8410 section 7).
            Kind::Ed25519 => match secret {
                [0x04, 0x20, seed @ ..] if seed.len() == 32 => {
                    info.public_key.and_then(|bits| bits.as_bytes())
                }
                _ => return None,
            },
        };
        Some(Self {
            kind: Some(kind),
            public,
        })
    }

    /// Whether nothing speaks against `certified` being the public half. A P-256 point has a long
    /// and a short form, and two that differ in form are not compared.
    fn may_belong_to(&self, certified: Option<&[u8]>) -> bool {
        match (self.public, certified) {
            (Some(own), Some(certified)) => own.len() != certified.len() || own == certified,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file among the certificates that OpenSSL made for the tests of TLS itself.
    macro_rules! pem {
        ($name:literal) => {
            include_str!(concat!("../../net/tests/vectors/tls/", $name))
        };
    }

    #[test]
    fn certificates_with_their_keys() {
        for (certificate, key) in [
            (pem!("p256.pem"), pem!("p256.key")),
            (pem!("p256-by-p384.pem"), pem!("p256-by-p384.key")),
            (pem!("p256-by-rsa.pem"), pem!("p256-by-rsa.key")),
            (pem!("ed25519.pem"), pem!("ed25519.key")),
        ] {
            assert_eq!(check_certificate(certificate, key), Ok(()));
        }
        for root in [pem!("ca-p256.pem"), pem!("ca-p384.pem"), pem!("ca-rsa.pem")] {
            assert_eq!(check_root(root), Ok(()));
        }
    }

    #[test]
    fn keys_of_other_certificates_and_other_kinds() {
        for key in [
            pem!("p256-by-rsa.key"),
            pem!("ed25519.key"),
            pem!("p256.pem"),
            "",
        ] {
            let checked = check_certificate(pem!("p256.pem"), key);
            assert_eq!(checked, Err(TlsFault::Key));
        }
        let checked = check_certificate(pem!("ed25519.pem"), pem!("p256.key"));
        assert_eq!(checked, Err(TlsFault::Key));
    }

    #[test]
    fn what_is_not_a_certificate() {
        let key = pem!("p256.key");
        let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        for chain in ["", "x", key, empty] {
            let checked = check_certificate(chain, key);
            assert_eq!(checked, Err(TlsFault::Certificate), "{chain}");
            assert_eq!(check_root(chain), Err(TlsFault::Root), "{chain}");
        }
    }

    /// Each byte of a certificate and of a key changed in turn: nothing panics.
    #[test]
    fn damaged_files_are_read_without_harm() {
        let certificate = CertificateDer::from_pem_slice(pem!("p256.pem").as_bytes()).unwrap();
        for at in 0..certificate.len() {
            let mut damaged = certificate.to_vec();
            damaged[at] ^= 0xff;
            let damaged = CertificateDer::from(damaged);
            let _ = EndEntityCert::try_from(&damaged).map(|own| {
                SubjectPublicKeyInfoRef::from_der(&own.subject_public_key_info()).is_ok()
            });
        }
        let key = PrivateKeyDer::from_pem_slice(pem!("p256.key").as_bytes()).unwrap();
        for at in 0..key.secret_der().len() {
            let mut damaged = key.secret_der().to_vec();
            damaged[at] ^= 0xff;
            let _ = Key::read(&damaged).is_some();
        }
    }
}
