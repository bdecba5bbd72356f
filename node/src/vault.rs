//! Vaults: a directory per particle and scope, shared by the services that the particle calls, gone
//! with the particle.
//!
//! All particles of a scope have their directories on one volume, which services see as
//! `/tmp/vault`. A directory's name has the particle's token in it, which only the particle and
//! this host know; the volume cannot be listed.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use basalt_net::particle::Authored;
use basalt_net::peer_id::PeerId;
use basalt_wasm_host::vfs::{FsError, Ino, Quota, Tree};
use basalt_wasm_host::{MemoryPool, Volume};

use crate::refusal::Refusal;
use crate::shares::{Full, Payer, Pool};

/// Where services and scripts see the volume.
const PREFIX: &str = "/tmp/vault/";
/// Number of the volume's device.
const DEVICE: u64 = 3;
/// Longest particle id that can name a directory.
const MAX_ID: usize = 150;

/// Why a vault cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The particle's id is no name of a directory.
    BadId,
    /// The path is not in the particle's vault.
    IncorrectPath(String),
    /// The file cannot be read: its path, and why.
    Read(String, FsError),
    /// The file is no text.
    NotText(String),
    /// The file cannot be written.
    Write(FsError),
    /// Whoever pays for it has its share, or there is no more for anybody.
    Share(Full),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadId => f.write_str("the particle's id cannot name a vault directory"),
            Error::IncorrectPath(path) => write!(f, "Incorrect vault path `{path}`"),
            Error::Read(path, error) => write!(f, "Error reading vault file `{path}`: {error}"),
            Error::NotText(path) => {
                write!(f, "Error reading vault file `{path}`: it is not UTF-8")
            }
            Error::Write(error) => write!(f, "Error writing vault file: {error}"),
            Error::Share(_) => write!(f, "Error writing vault file: {}", Refusal::VaultsShare),
        }
    }
}

impl core::error::Error for Error {}

impl Error {
    /// What is counted, if somebody has his share.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Error::Share(Full::All) => Some(Refusal::VaultsFull),
            Error::Share(_) => Some(Refusal::VaultsShare),
            _ => None,
        }
    }
}

/// A particle in a scope: the author can give two particles the same id, but not the same signature
/// over it.
type Key = (PeerId, String, Vec<u8>);

/// The directory of a particle.
struct Directory {
    name: String,
    payer: Payer,
    /// Files that scripts put there, and the directory itself.
    nodes: u64,
    /// Bytes of these files.
    bytes: u64,
}

/// The directory of a particle in a scope.
fn key(scope: &PeerId, particle: &Authored) -> Key {
    (*scope, particle.id.clone(), particle.signature.clone())
}

/// Whether a particle's id can name a directory.
fn has_name(particle: &Authored) -> bool {
    let id = &particle.id;
    !id.is_empty() && id.len() <= MAX_ID && !id.contains(['/', '\0'])
}

fn name(particle: &Authored, token: &str) -> String {
    format!("{}-{token}", particle.id)
}

/// All vaults of a scope. What scripts put there goes on shares; what services write there is
/// bounded by the volume alone.
struct Vault {
    volume: Volume,
    nodes: Pool,
    bytes: Pool,
}

/// All vaults.
pub struct Vaults {
    quota: Quota,
    pool: MemoryPool,
    volumes: BTreeMap<PeerId, Vault>,
    /// Directories that exist.
    directories: BTreeMap<Key, Directory>,
}

impl Vaults {
    /// No vaults; the volume of a scope holds at most `bytes`, all together what the pool has.
    pub(crate) fn new(bytes: u64, pool: MemoryPool) -> Vaults {
        Vaults {
            quota: Quota {
                bytes,
                ..Quota::default()
            },
            pool,
            volumes: BTreeMap::new(),
            directories: BTreeMap::new(),
        }
    }

    /// Directories of particles.
    pub(crate) fn len(&self) -> usize {
        self.directories.len()
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        let volumes = self.volumes.values();
        volumes
            .map(|vault| vault.volume.with(|tree| tree.used_bytes()))
            .sum()
    }

    /// The volume of a scope.
    pub(crate) fn volume(&mut self, scope: &PeerId) -> Volume {
        self.vault(scope).volume.clone()
    }

    fn vault(&mut self, scope: &PeerId) -> &mut Vault {
        self.volumes.entry(*scope).or_insert_with(|| {
            let volume = Volume::unlisted(DEVICE, self.quota);
            volume.with(|tree| tree.share(self.pool.clone()));
            Vault {
                volume,
                nodes: Pool::new(self.quota.nodes),
                bytes: Pool::new(self.quota.bytes),
            }
        })
    }

    /// Forgets a scope: its services are gone.
    pub(crate) fn forget(&mut self, scope: &PeerId) {
        self.volumes.remove(scope);
        self.directories.retain(|key, _| key.0 != *scope);
    }

    /// Makes a particle's directory, which must be there before files are put in it.
    ///
    /// # Errors
    /// The particle's id names no directory, or whoever pays has its share.
    pub(crate) fn enter(
        &mut self,
        scope: &PeerId,
        particle: &Authored,
        token: &str,
        payer: Payer,
    ) -> Result<(), Error> {
        if !has_name(particle) {
            return Err(Error::BadId);
        }
        let key = key(scope, particle);
        if self.directories.contains_key(&key) {
            return Ok(());
        }
        let name = name(particle, token);
        let vault = self.vault(scope);
        vault.nodes.take(&payer, 1).map_err(Error::Share)?;
        let now = particle.timestamp.saturating_mul(1_000_000);
        if let Err(error) = vault.volume.with(|tree| tree.make_dirs(&name, now)) {
            vault.nodes.give(&payer, 1);
            return Err(Error::Write(error));
        }
        let directory = Directory {
            name,
            payer,
            nodes: 1,
            bytes: 0,
        };
        self.directories.insert(key, directory);
        Ok(())
    }

    /// Removes a particle's directory, if it has one.
    pub(crate) fn leave(&mut self, scope: &PeerId, particle: &Authored) {
        if self.directories.is_empty() {
            return;
        }
        if let Some(directory) = self.directories.remove(&key(scope, particle))
            && let Some(vault) = self.volumes.get_mut(scope)
        {
            vault.nodes.give(&directory.payer, directory.nodes);
            vault.bytes.give(&directory.payer, directory.bytes);
            // A service may have removed it already.
            let now = particle.timestamp.saturating_mul(1_000_000);
            let _ = vault
                .volume
                .with(|tree| tree.remove_all(&directory.name, now));
        }
    }

    /// Writes a file under a name of the caller's, which must be new; gives the path as services
    /// see it.
    ///
    /// # Errors
    /// The particle has no directory, or no more, or whoever pays has its share.
    pub(crate) fn put(
        &mut self,
        scope: &PeerId,
        particle: &Authored,
        file: &str,
        bytes: &[u8],
    ) -> Result<String, Error> {
        let directory = self.directories.get_mut(&key(scope, particle));
        let (directory, vault) = directory
            .zip(self.volumes.get_mut(scope))
            .ok_or(Error::BadId)?;
        let (payer, len) = (directory.payer, bytes.len() as u64);
        vault.nodes.may_take(&payer, 1).map_err(Error::Share)?;
        vault.bytes.may_take(&payer, len).map_err(Error::Share)?;
        let now = particle.timestamp.saturating_mul(1_000_000);
        vault
            .volume
            .with(|tree| {
                let ino = find(tree, &directory.name)?;
                tree.write_file(ino, file, bytes, now)
            })
            .map_err(Error::Write)?;
        vault.nodes.add(&payer, 1);
        vault.bytes.add(&payer, len);
        directory.nodes += 1;
        directory.bytes += len;
        Ok(format!("{PREFIX}{}/{file}", directory.name))
    }

    /// Reads a file: an absolute path as services see it, or one relative to the particle's
    /// directory.
    pub(crate) fn read(
        &mut self,
        scope: &PeerId,
        particle: &Authored,
        token: &str,
        path: &str,
    ) -> Result<Vec<u8>, Error> {
        let incorrect = || Error::IncorrectPath(path.into());
        let inside = match path.strip_prefix('/') {
            None => path,
            Some(_) => path
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.strip_prefix(particle.id.as_str()))
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|rest| rest.strip_prefix(token))
                .and_then(|rest| rest.strip_prefix('/'))
                .ok_or_else(incorrect)?,
        };
        if inside.is_empty() || inside.split('/').any(|part| part == "..") {
            return Err(incorrect());
        }
        if !has_name(particle) {
            return Err(Error::BadId);
        }
        let name = name(particle, token);
        self.volume(scope)
            .with(|tree| {
                let directory = find(tree, &name)?;
                let ino = tree.lookup(directory, inside)?;
                Ok(tree.bytes(ino)?.to_vec())
            })
            .map_err(|error| Error::Read(path.into(), error))
    }
}

/// A particle's directory, from which its paths start: symbolic links in it, which services can
/// make, lead to no other particle's.
fn find(tree: &Tree, name: &str) -> Result<Ino, FsError> {
    tree.find(Tree::ROOT, name, false)
}
