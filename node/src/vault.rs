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
        }
    }
}

impl core::error::Error for Error {}

/// A particle in a scope: the author can give two particles the same id, but not the same signature
/// over it.
type Key = (PeerId, String, Vec<u8>);

/// All vaults.
pub struct Vaults {
    quota: Quota,
    pool: MemoryPool,
    volumes: BTreeMap<PeerId, Volume>,
    /// Directories that exist.
    directories: BTreeMap<Key, String>,
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
            .map(|volume| volume.with(|tree| tree.used_bytes()))
            .sum()
    }

    /// The volume of a scope.
    pub(crate) fn volume(&mut self, scope: &PeerId) -> Volume {
        let volume = self.volumes.entry(*scope).or_insert_with(|| {
            let volume = Volume::unlisted(DEVICE, self.quota);
            volume.with(|tree| tree.share(self.pool.clone()));
            volume
        });
        volume.clone()
    }

    /// Forgets a scope: its services are gone.
    pub(crate) fn forget(&mut self, scope: &PeerId) {
        self.volumes.remove(scope);
        self.directories.retain(|key, _| key.0 != *scope);
    }

    /// Makes a particle's directory, if its id can name one; gives the name.
    pub(crate) fn enter(
        &mut self,
        scope: &PeerId,
        particle: &Authored,
        token: &str,
    ) -> Option<String> {
        let id = &particle.id;
        if id.is_empty() || id.len() > MAX_ID || id.contains(['/', '\0']) {
            return None;
        }
        let key = (*scope, id.clone(), particle.signature.clone());
        if let Some(name) = self.directories.get(&key) {
            return Some(name.clone());
        }
        let name = format!("{id}-{token}");
        let volume = self.volume(scope);
        let now = particle.timestamp.saturating_mul(1_000_000);
        volume
            .with(|tree| tree.make_dirs(&name, now))
            .inspect_err(
                |error| log::warn!(target: "vault", "no directory for a particle: {error}"),
            )
            .ok()?;
        self.directories.insert(key, name.clone());
        Some(name)
    }

    /// Removes a particle's directory, if it has one.
    pub(crate) fn leave(&mut self, scope: &PeerId, particle: &Authored) {
        let key = (*scope, particle.id.clone(), particle.signature.clone());
        if let Some(name) = self.directories.remove(&key)
            && let Some(volume) = self.volumes.get(scope)
        {
            // A service may have removed it already.
            let now = particle.timestamp.saturating_mul(1_000_000);
            let _ = volume.with(|tree| tree.remove_all(&name, now));
        }
    }

    /// Writes a file under a name of the caller's; gives the path as services see it.
    pub(crate) fn put(
        &mut self,
        scope: &PeerId,
        particle: &Authored,
        token: &str,
        file: &str,
        bytes: &[u8],
    ) -> Result<String, Error> {
        let name = self.enter(scope, particle, token).ok_or(Error::BadId)?;
        let now = particle.timestamp.saturating_mul(1_000_000);
        self.volume(scope)
            .with(|tree| {
                let directory = directory(tree, &name)?;
                tree.write_file(directory, file, bytes, now)
            })
            .map_err(Error::Write)?;
        Ok(format!("{PREFIX}{name}/{file}"))
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
        let name = self.enter(scope, particle, token).ok_or(Error::BadId)?;
        self.volume(scope)
            .with(|tree| {
                let directory = directory(tree, &name)?;
                let ino = tree.lookup(directory, inside)?;
                Ok(tree.bytes(ino)?.to_vec())
            })
            .map_err(|error| Error::Read(path.into(), error))
    }
}

/// A particle's directory, from which its paths start: symbolic links in it, which services can
/// make, lead to no other particle's.
fn directory(tree: &Tree, name: &str) -> Result<Ino, FsError> {
    tree.find(Tree::ROOT, name, false)
}
