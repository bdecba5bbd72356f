//! What the owner of a peer decides, and how a manifest says it.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use basalt_manifest::Manifest;
use basalt_net::keypair::Keypair;
use basalt_net::multiaddr::{Multiaddr, MultiaddrError};
use basalt_net::peer_id::{PeerId, PeerIdError};
use basalt_net::swarm;
use basalt_net::tls;

use super::seek::SeekLimits;
use super::trace::Subject;
use crate::host::{Host, Versions};
use crate::intake::{InboxLimits, Limits};
use crate::limits::ServiceLimits;
use crate::pages::config_text;
use crate::script::{Aquavm, RunLimits};

/// What the owner of a peer decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// The network: part of the Kademlia protocol's name.
    pub network: String,
    /// Version told by identify and `peer.identify`.
    pub version: String,
    /// The operator's peer id.
    pub operator: Option<PeerId>,
    /// Addresses under which others reach the peer.
    pub external_addresses: Vec<Multiaddr>,
    /// Peers to stay connected to, each with `/p2p/<id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// TLS, which the edge makes of [`tls_settings`] and fresh entropy.
    pub tls: Option<Arc<tls::Context>>,
    /// What is traced in the log.
    pub trace: Option<Subject>,
    /// Everything as text, without secrets, for the operator.
    pub text: String,
    /// Limits of connections.
    pub connections: swarm::Limits,
    /// Limits of particles that came in and wait to be checked.
    pub inbox: InboxLimits,
    /// Limits of what waits for peers that are not connected.
    pub seeks: SeekLimits,
    /// Limits of particles.
    pub particles: Limits,
    /// Limits of one run of a script.
    pub run: RunLimits,
    /// Limits of services.
    pub services: ServiceLimits,
    /// Runs per [`Machine::work`](crate::machine::Machine::work), so that scripts and connections
    /// take turns.
    pub steps_per_turn: usize,
}

impl Config {
    /// What a manifest says, with default limits.
    ///
    /// # Errors
    /// The manifest has a text in place of a peer id or multiaddr that is not one. Its own check
    /// finds that before.
    pub fn from_manifest(manifest: &Manifest, version: &str) -> Result<Config, ConfigError> {
        let addresses = |texts: &[String]| {
            let parsed = texts
                .iter()
                .map(|text| text.parse().map_err(ConfigError::Address));
            parsed.collect::<Result<Vec<Multiaddr>, ConfigError>>()
        };
        let operator = manifest.node.management_peer_id.as_deref();
        let mut particles = Limits::default();
        particles.set(&manifest.particles, particles.max_memory);
        Ok(Config {
            network: manifest.node.network.to_string(),
            version: version.into(),
            operator: operator
                .map(str::parse)
                .transpose()
                .map_err(ConfigError::ManagementPeerId)?,
            external_addresses: addresses(&manifest.network.external_addresses)?,
            bootstrap: addresses(&manifest.node.bootstrap)?,
            tls: None,
            trace: manifest.log.trace.as_deref().map(Subject::from),
            text: config_text(manifest),
            connections: swarm::Limits::default(),
            inbox: InboxLimits::default(),
            seeks: SeekLimits::default(),
            particles,
            run: RunLimits::of(&manifest.particles.run),
            services: ServiceLimits {
                host_cores: manifest.cores.host_services.into(),
                ..ServiceLimits::default()
            },
            steps_per_turn: 32,
        })
    }
}

/// What a manifest says about TLS. The authorities that browsers trust are trusted as well: servers
/// of the chain and of files have certificates of theirs.
pub fn tls_settings(manifest: &Manifest) -> tls::Settings {
    tls::Settings {
        certificate: manifest.tls.certificate.clone(),
        roots: manifest.tls.roots.clone(),
        web_roots: true,
    }
}

impl Config {
    /// The host that it describes.
    pub(super) fn host(&self, keypair: Keypair) -> Host {
        let versions = Versions {
            node: self.version.clone(),
            air: Aquavm::VERSION.into(),
            spell: String::new(),
            services: Vec::new(),
        };
        Host::new(keypair, self.operator, versions)
    }
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// The operator's peer id is not a peer id.
    ManagementPeerId(PeerIdError),
    /// A bootstrap or external address is not a multiaddr.
    Address(MultiaddrError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::ManagementPeerId(error) => write!(f, "management_peer_id: {error}"),
            ConfigError::Address(error) => write!(f, "bootstrap or external address: {error}"),
        }
    }
}

impl core::error::Error for ConfigError {}
