//! TLS 1.3 under WebSocket, for `wss` addresses: rustls' unbuffered connections over the
//! cryptography that this crate uses anyway.
//!
//! TLS adds nothing to what Noise guards; it is spoken because browsers allow nothing else on
//! secure pages, and because some peers stand behind proxies that speak it. A [`Context`] is made
//! once and holds what all connections share; a [`Session`] turns the bytes of one connection into
//! those of the layer above and back.
//!
//! | file | content |
//! |---|---|
//! | `provider.rs` | key exchange, cipher, hash and randomness, as rustls wants them |
//! | `verify.rs` | signatures of certificates |
//! | `sign.rs` | signatures with the key of our own certificate |
//! | `session.rs` | one connection |

mod error;
mod provider;
mod session;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use error::TlsError;
pub(crate) use session::MAX_RECORD;
pub use session::{Session, State};

/// The operator's settings of TLS. Certificates and keys are PEM text.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The chain of our own certificate, leaf first, and its key (PKCS #8; P-256 or Ed25519). With
    /// it the WebSocket listener takes TLS too.
    pub certificate: Option<(String, String)>,
    /// Certificates of authorities that are trusted when dialing.
    pub roots: Vec<String>,
    /// Whether the authorities that browsers trust are trusted, too.
    pub web_roots: bool,
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// The chain holds something that is not a certificate, or nothing.
    Certificate,
    /// The key is malformed, of a kind that is not supported, or belongs to another certificate.
    Key,
    /// A root is not a certificate.
    Root,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the TLS certificate is not a chain of certificates in PEM",
            Self::Key => {
                "the TLS key is not a P-256 or Ed25519 key in PKCS #8 PEM that belongs to the certificate"
            }
            Self::Root => "a TLS root is not a certificate in PEM",
        })
    }
}

impl core::error::Error for SettingsError {}

/// Unix time in milliseconds, for the validity of certificates; 0 while it is unknown.
#[derive(Debug, Default)]
struct Wall(AtomicU64);

impl TimeProvider for Wall {
    fn current_time(&self) -> Option<UnixTime> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(UnixTime::since_unix_epoch(Duration::from_millis(millis))),
        }
    }
}

/// What all TLS connections of one peer share.
#[derive(Debug)]
pub struct Context {
    wall: Arc<Wall>,
    client: Arc<ClientConfig>,
    server: Option<Arc<ServerConfig>>,
}

impl Context {
    /// Reads the settings. `seed` feeds all randomness of TLS and must be unpredictable and new at
    /// each start. Call it once per process: rustls wants its provider to live for ever, so a
    /// little memory is leaked.
    pub fn new(settings: &Settings, seed: [u8; 32]) -> Result<Self, SettingsError> {
        let provider = Arc::new(provider::provider(seed));
        let wall = Arc::new(Wall::default());
        let versions = &[&rustls::version::TLS13];

        let mut roots = RootCertStore::empty();
        for root in &settings.roots {
            let root = CertificateDer::from_pem_slice(root.as_bytes());
            let added = root.ok().and_then(|root| roots.add(root).ok());
            added.ok_or(SettingsError::Root)?;
        }
        if settings.web_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let client = ClientConfig::builder_with_details(provider.clone(), wall.clone());
        let client = client
            .with_protocol_versions(versions)
            .map_err(|_| SettingsError::Root)?;
        let mut client = match roots.is_empty() {
            // No authority is trusted, so every certificate is refused.
            true => client.with_root_certificates(roots).with_no_client_auth(),
            false => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
                        .build()
                        .map_err(|_| SettingsError::Root)?;
                client.with_webpki_verifier(verifier).with_no_client_auth()
            }
        };
        client.resumption = rustls::client::Resumption::disabled();

        let server = |(chain, key): &(String, String)| {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
            let chain: Vec<CertificateDer<'static>> = chain
                .collect::<Result<_, _>>()
                .map_err(|_| SettingsError::Certificate)?;
            if chain.is_empty() {
                return Err(SettingsError::Certificate);
            }
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
            let key = key.map_err(|_| SettingsError::Key)?;
            let mut server = ServerConfig::builder_with_details(provider.clone(), wall.clone())
                .with_protocol_versions(versions)
                .map_err(|_| SettingsError::Key)?
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .map_err(|_| SettingsError::Key)?;
            server.send_tls13_tickets = 0;
            Ok(Arc::new(server))
        };
        let server = settings.certificate.as_ref().map(server).transpose()?;
        Ok(Self {
            wall,
            client: client.into(),
            server,
        })
    }

    /// Sets the wall clock, Unix time in milliseconds. Until then every certificate is refused.
    pub fn set_wall(&self, unix_ms: u64) {
        self.wall.0.store(unix_ms, Ordering::Relaxed);
    }

    /// Whether incoming connections may speak TLS.
    pub fn serves(&self) -> bool {
        self.server.is_some()
    }

    /// A session as the side that dials `name`, a host name or an IP address.
    ///
    /// # Errors
    /// It is neither.
    pub fn dial(&self, name: &str) -> Result<Session, TlsError> {
        Session::client(self.client.clone(), name)
    }

    /// A session as the side that is dialed; `None` without a certificate.
    pub fn accept(&self) -> Option<Session> {
        Session::server(self.server.clone()?)
    }
}

/// The first byte of every TLS connection: a handshake record. No HTTP request starts with it.
pub(crate) const FIRST_BYTE: u8 = 0x16;
