//! The file system of services.
//!
//! A [`Volume`] is one tree of directories, files and symbolic links in memory, with quotas;
//! [`tree`] holds it, `path` walks names without leaving the starting directory, [`txn`] remembers what a call
//! changed. A volume with a [`Journal`] is transactional: at the end of a call its changes are
//! handed to the journal as one batch of [`Effect`]s, and when the journal refuses them, or the
//! caller asks, they are undone. [`Vfs`] puts volumes together: a service's storage, its scratch
//! space, a worker's vault shared with others.

pub mod error;
pub mod journal;
mod node;
mod quota;
pub mod tree;
mod txn;
mod volume;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
pub use error::FsError;
pub use journal::{Effect, Journal, JournalError};
pub use node::{Ino, Kind, NodeKind, Stat, Times};
pub use quota::Quota;
pub use tree::Tree;
pub use volume::{DeviceId, Volume};

/// A directory on a volume: what a guest's preopened directory stands for.
#[derive(Clone)]
pub struct Dir {
    /// The volume.
    pub volume: Volume,
    /// The directory.
    pub ino: Ino,
}

/// Volumes under one root. A path belongs to the volume mounted at its longest prefix.
#[derive(Clone)]
pub struct Vfs {
    root: Volume,
    mounts: Vec<(String, Volume)>,
}

impl Vfs {
    /// A file system that is one volume.
    pub fn new(root: Volume) -> Self {
        Self {
            root,
            mounts: Vec::new(),
        }
    }

    /// Mounts a volume at a path such as `/tmp/vault`.
    #[must_use]
    pub fn mount(mut self, path: &str, volume: Volume) -> Self {
        self.mounts.push((normal(path), volume));
        self.mounts
            // Longest first, so that the first prefix that fits is the right one.
            .sort_by_key(|(path, _)| core::cmp::Reverse(path.len()));
        self
    }

    /// All volumes, the root first.
    pub fn volumes(&self) -> impl Iterator<Item = &Volume> {
        core::iter::once(&self.root).chain(self.mounts.iter().map(|(_, volume)| volume))
    }

    /// The volume that a path belongs to and the path on it.
    pub fn locate(&self, path: &str) -> (&Volume, String) {
        let path = normal(path);
        for (prefix, volume) in &self.mounts {
            if let Some(rest) = path.strip_prefix(prefix.as_str())
                // `/tmp` is not a prefix of `/tmpfile`.
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return (volume, rest.trim_start_matches('/').to_string());
            }
        }
        (&self.root, path)
    }

    /// The directory at a path, made with its parents where missing.
    ///
    /// # Errors
    /// [`FsError`] when a file is in the way, the path has `..`, or the quota is used up.
    pub fn make_dirs(&self, path: &str, now: u64) -> Result<Dir, FsError> {
        let (volume, path) = self.locate(path);
        let ino = volume.with(|tree| tree.make_dirs(&path, now))?;
        Ok(Dir {
            volume: volume.clone(),
            ino,
        })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`FsError`] when there is no such file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FsError> {
        let (volume, path) = self.locate(path);
        volume.with(|tree| {
            let ino = tree.lookup(Tree::ROOT, &path)?;
            Ok(tree.bytes(ino)?.to_vec())
        })
    }

    /// Writes a whole file, replacing what was there. The directory must exist.
    ///
    /// # Errors
    /// [`FsError`] when the path cannot be opened or the quota is used up.
    pub fn write(&self, path: &str, bytes: &[u8], now: u64) -> Result<(), FsError> {
        let (volume, path) = self.locate(path);
        volume.with(|tree| tree.write_file(Tree::ROOT, &path, bytes, now))
    }
}

/// Without slashes at the ends and without empty or `.` components, so that prefixes compare.
fn normal(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}
