//! What a script can be told about the peer it runs on.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use basalt_net::keypair::Keypair;
use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;

use crate::workers::Workers;

pub use crate::clock::Clock;

/// Context of the key that vault tokens are made with (BLAKE3, key derivation).
const TOKEN_CONTEXT: &str = "basalt node 2026-11-30 vault token";

/// What the peer's connections look like to a script.
pub trait Network {
    /// Whether there is a connection to `peer`, or one is being made.
    fn is_connected(&self, peer: &PeerId) -> bool;

    /// Where `peer` can be reached, as far as is known; `None` for a stranger.
    fn contact(&self, peer: &PeerId) -> Option<Vec<String>>;

    /// The peers of this network that are known as routing peers.
    fn routing_peers(&self) -> Vec<PeerId>;

    /// Where this peer says it can be reached.
    fn own_addresses(&self) -> Vec<String>;
}

/// A network in which nobody else is: for tests and tools.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Network for Alone {
    fn is_connected(&self, _: &PeerId) -> bool {
        false
    }

    fn contact(&self, _: &PeerId) -> Option<Vec<String>> {
        None
    }

    fn routing_peers(&self) -> Vec<PeerId> {
        Vec::new()
    }

    fn own_addresses(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Versions that `peer.identify` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Of this node.
    pub node: String,
    /// Of the AIR interpreter whose behaviour ours has.
    pub air: String,
    /// Of the spell service; empty while there is none.
    pub spell: String,
    /// Of system services: names and versions.
    pub services: Vec<(String, String)>,
}

/// This peer and its operator.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its id.
    pub peer_id: PeerId,
    /// The operator's id.
    pub operator: Option<PeerId>,
    /// What it runs.
    pub versions: Versions,
    /// The workers that live here.
    pub workers: Workers,
    keypair: Keypair,
    /// Key of the vaults' tokens. It is derived from the host's seed, so that tokens stay the same
    /// after a reboot.
    token_key: [u8; 32],
    /// How often a secret key was lent.
    lent: Cell<u64>,
}

impl Host {
    /// The peer that holds `keypair`.
    pub fn new(keypair: Keypair, operator: Option<PeerId>, versions: Versions) -> Host {
        Host {
            peer_id: keypair.peer_id(),
            operator,
            versions,
            workers: Workers::default(),
            token_key: blake3::derive_key(TOKEN_CONTEXT, &keypair.seed()),
            lent: Cell::new(0),
            keypair,
        }
    }

    /// The key of a scope of this host: its own or a worker's. Whoever signs gets it here, so that
    /// signatures can be counted ([`Host::keys_lent`]).
    pub fn key(&self, scope: &PeerId) -> Option<&Keypair> {
        self.lent.set(self.lent.get() + 1);
        match *scope == self.peer_id {
            true => Some(&self.keypair),
            false => self.workers.get(scope).map(|worker| &worker.key),
        }
    }

    /// How often a secret key was lent: there are no more signatures than this.
    pub fn keys_lent(&self) -> u64 {
        self.lent.get()
    }

    /// What only a particle and this host know, for the name of the particle's vault: 64 bytes in
    /// base58, opaque to everybody else.
    ///
    /// The protocol description (section 7.2) has the host's Ed25519 signature of the particle's
    /// signature here. This is a keyed BLAKE3 hash of it instead: nobody but the host can make or
    /// check either, and a service call must not cost a signature.
    pub fn token(&self, particle: &Authored) -> String {
        let mut token = [0; 64];
        let mut hasher = blake3::Hasher::new_keyed(&self.token_key);
        hasher.update(&particle.signature);
        hasher.finalize_xof().fill(&mut token);
        bs58::encode(token).into_string()
    }

    /// Whether scripts for `peer` run on this machine.
    pub fn is_local(&self, peer: &PeerId) -> bool {
        *peer == self.peer_id || self.workers.get(peer).is_some()
    }

    /// Whether scripts of anybody run in a scope: on the host, and on workers that are active.
    pub fn is_active(&self, scope: &PeerId) -> bool {
        *scope == self.peer_id || self.workers.get(scope).is_some_and(|worker| worker.active)
    }

    /// Whether `peer` is the operator.
    pub fn is_operator(&self, peer: &PeerId) -> bool {
        self.operator.as_ref() == Some(peer)
    }

    /// Whether `peer` may name services and change spells of a scope: on the host itself and the
    /// operator, on a worker its creator, itself and the operator.
    pub fn may_name(&self, peer: &PeerId, scope: &PeerId) -> bool {
        match self.workers.get(scope) {
            Some(worker) => *peer == worker.creator || peer == scope || self.is_operator(peer),
            None => self.may_operate(peer),
        }
    }

    /// Whether `peer` may operate the host and call protected functions: the host itself and the
    /// operator.
    pub fn may_operate(&self, peer: &PeerId) -> bool {
        *peer == self.peer_id || self.is_operator(peer)
    }
}
