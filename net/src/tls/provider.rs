//! The cryptography of TLS 1.3 as rustls wants it: X25519, ChaCha20-Poly1305, SHA-256. Every TLS
//! 1.3 peer of today speaks them.

use alloc::boxed::Box;
use core::fmt;

use chacha20::ChaCha20Rng;
use hmac::{Hmac, Mac};
use rand_core::{Rng, SeedableRng};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm,
    UnsupportedOperationError, make_tls13_aad,
};
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup, hash, hmac as tls_hmac,
};
use rustls::{
    CipherSuite, CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, NamedGroup,
    PeerMisbehaved, ProtocolVersion, SupportedCipherSuite, Tls13CipherSuite,
};
use sha2::Digest;
use spin::Mutex;

use super::{sign, verify};
use crate::aead::{Aead, TAG};
use crate::x25519;

/// The provider, with randomness generated from `seed`. It is leaked, since rustls wants it to live
/// for ever.
pub(super) fn provider(seed: [u8; 32]) -> CryptoProvider {
    let random = Random(Mutex::new(ChaCha20Rng::from_seed(seed)));
    let random: &'static Random = Box::leak(Box::new(random));
    let group: &'static X25519 = Box::leak(Box::new(X25519(random)));
    CryptoProvider {
        cipher_suites: alloc::vec![SupportedCipherSuite::Tls13(&SUITE)],
        kx_groups: alloc::vec![group as &dyn SupportedKxGroup],
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: random,
        key_provider: &sign::Keys,
    }
}

static SUITE: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        hash_provider: &Sha256,
        confidentiality_limit: u64::MAX,
    },
    hkdf_provider: &HkdfUsingHmac(&HmacSha256),
    aead_alg: &ChaChaPoly,
    quic: None,
};

struct Random(Mutex<ChaCha20Rng>);

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

impl SecureRandom for Random {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.0.lock().fill_bytes(buf);
        Ok(())
    }
}

// -- key exchange -------------------------------------------------------------------------------

#[derive(Debug)]
struct X25519(&'static Random);

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        self.0.fill(&mut secret)?;
        let public = x25519::public_key(&secret);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer
            .try_into()
            .map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = x25519::shared_secret(&self.secret, &peer);
        let shared = shared.ok_or(PeerMisbehaved::InvalidKeyShare)?;
        Ok(SharedSecret::from(&shared[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

// -- hash ---------------------------------------------------------------------------------------

struct Sha256;

impl hash::Hash for Sha256 {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Running(sha2::Sha256::new()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        hash::Output::new(&sha2::Sha256::digest(data))
    }

    fn output_len(&self) -> usize {
        32
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        hash::HashAlgorithm::SHA256
    }
}

struct Running(sha2::Sha256);

impl hash::Context for Running {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Running(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

struct HmacSha256;

impl tls_hmac::Hmac for HmacSha256 {
    fn with_key(&self, key: &[u8]) -> Box<dyn tls_hmac::Key> {
        // Keys of any length are taken.
        let keyed = <Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(key);
        Box::new(Keyed(keyed.ok()))
    }

    fn hash_output_len(&self) -> usize {
        32
    }
}

struct Keyed(Option<Hmac<sha2::Sha256>>);

impl tls_hmac::Key for Keyed {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> tls_hmac::Tag {
        let Some(mut mac) = self.0.clone() else {
            return tls_hmac::Tag::new(&[]);
        };
        mac.update(first);
        for part in middle {
            mac.update(part);
        }
        mac.update(last);
        tls_hmac::Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        32
    }
}

// -- records ------------------------------------------------------------------------------------

struct ChaChaPoly;

impl Tls13AeadAlgorithm for ChaChaPoly {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Records::new(&key, iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Records::new(&key, iv))
    }

    fn key_len(&self) -> usize {
        32
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv })
    }
}

/// The records of one direction (RFC 8446 section 5.2).
struct Records {
    cipher: Option<Aead>,
    iv: Iv,
}

impl Records {
    fn new(key: &AeadKey, iv: Iv) -> Self {
        // The key has the length that `key_len` tells.
        let cipher = key.as_ref().try_into().ok().map(Aead::new);
        Self { cipher, iv }
    }
}

impl MessageEncrypter for Records {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let size = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(size);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let nonce = Nonce::new(&self.iv, sequence).0;
        let text: &mut [u8] = payload.as_mut();
        let cipher = self.cipher.as_ref().ok_or(Error::EncryptError)?;
        let tag = cipher.seal(nonce, &make_tls13_aad(size), text);
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(
            ContentType::ApplicationData,
            ProtocolVersion::TLSv1_2,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        // The type of the content lies behind it.
        len + 1 + TAG
    }
}

impl MessageDecrypter for Records {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let payload = &mut message.payload;
        let size = payload.len();
        let nonce = Nonce::new(&self.iv, sequence).0;
        let (text, tag) = payload
            .split_last_chunk_mut::<TAG>()
            .ok_or(Error::DecryptError)?;
        let len = text.len();
        let cipher = self.cipher.as_ref().ok_or(Error::DecryptError)?;
        cipher
            .open(nonce, &make_tls13_aad(size), text, tag)
            .map_err(|()| Error::DecryptError)?;
        payload.truncate(len);
        message.into_tls13_unpadded_message()
    }
}
