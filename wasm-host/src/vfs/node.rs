//! Nodes of a tree: files and directories.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

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
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::vfs) struct Node {
    pub(in crate::vfs) kind: NodeKind,
    /// Does a name lead here? An open file may have lost its name.
    pub(in crate::vfs) named: bool,
    pub(in crate::vfs) mtime: u64,
}

/// Description of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub ino: Ino,
    /// Directory or file.
    pub directory: bool,
    /// Bytes of a file, 0 for a directory.
    pub size: u64,
    /// Last change in nanoseconds since 1970.
    pub mtime: u64,
    /// Names that lead here: 0 or 1.
    pub links: u64,
}
