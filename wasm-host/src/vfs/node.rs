//! Nodes of a tree: files and directories.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::quota::{NODE, of_name};

/// Number of a node: stable for its life and never used again on its volume.
pub type Ino = u64;

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Names and what they stand for, with the directory's parent.
    Directory {
        /// Entries in name order.
        entries: BTreeMap<String, Ino>,
        /// The directory that holds this one; the root holds itself.
        parent: Ino,
    },
    /// Contents.
    File(Vec<u8>),
    /// A symbolic link: the path that it stands for, never absolute.
    Link(String),
}

impl NodeKind {
    /// A directory or a file with nothing in it.
    pub(in crate::vfs) fn empty(directory: bool, parent: Ino) -> NodeKind {
        match directory {
            true => NodeKind::Directory {
                entries: BTreeMap::new(),
                parent,
            },
            false => NodeKind::File(Vec::new()),
        }
    }

    pub(in crate::vfs) fn kind(&self) -> Kind {
        match self {
            Self::Directory { .. } => Kind::Directory,
            Self::File(_) => Kind::File,
            Self::Link(_) => Kind::Link,
        }
    }

    /// Bytes of a file or of a link's path.
    pub(in crate::vfs) fn size(&self) -> u64 {
        match self {
            Self::Directory { .. } => 0,
            Self::File(bytes) => bytes.len() as u64,
            Self::Link(target) => target.len() as u64,
        }
    }
}

/// What sort of node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
}

/// Times of a node in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Last reading. Moved by the first reading after a change only, and kept together with the
    /// next change of the node: a call that only reads costs the disk nothing.
    pub accessed: u64,
    /// Last change of the contents; of a directory, of its names.
    pub modified: u64,
    /// Last change of the contents, the times or the names that lead here.
    pub changed: u64,
}

impl Times {
    /// All at once.
    pub fn all(now: u64) -> Self {
        Self {
            accessed: now,
            modified: now,
            changed: now,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vfs) struct Node {
    pub(in crate::vfs) kind: NodeKind,
    /// Names that lead here. An open file may have lost all of them.
    pub(in crate::vfs) links: u32,
    pub(in crate::vfs) times: Times,
}

impl Node {
    /// Bytes that count against the quota.
    pub(in crate::vfs) fn counted(&self) -> u64 {
        let names = match &self.kind {
            NodeKind::Directory { entries, .. } => entries.keys().map(|name| of_name(name)).sum(),
            _ => 0,
        };
        NODE + self.kind.size() + names
    }

    pub(in crate::vfs) fn new(kind: NodeKind, now: u64) -> Self {
        Self {
            kind,
            links: 1,
            times: Times::all(now),
        }
    }
}

/// Description of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub ino: Ino,
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file or of a link's path, 0 for a directory.
    pub size: u64,
    /// When it was read and changed.
    pub times: Times,
    /// Names that lead here.
    pub links: u64,
}
