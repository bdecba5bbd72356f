//! One tree of directories and files.
//!
//! Here are the nodes, handles and contents; `names` walks and changes names, `nodes` keeps the
//! pieces consistent and remembers changes, `replay` is the journal's side: effects in and out,
//! undoing.

mod names;
mod nodes;
mod path;
mod replay;

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    string::String,
};
use core::cell::Cell;

use super::{error::FsError, node::Node, quota::Quota, txn::Txn};
use crate::pool::{MemoryPool, Share};

pub use super::node::{Ino, Kind, NodeKind, Stat, Times};

/// How to open a path.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Make the file when missing.
    pub create: bool,
    /// Refuse when it exists.
    pub exclusive: bool,
    /// Cut it to nothing.
    pub truncate: bool,
    /// Only a directory will do.
    pub directory: bool,
    /// Follow a symbolic link at the end.
    pub follow: bool,
}

/// A tree with quotas. All times are nanoseconds since 1970, given by the caller.
pub struct Tree {
    nodes: BTreeMap<Ino, Node>,
    /// Handles per node.
    open: BTreeMap<Ino, u32>,
    next: Ino,
    /// Names beyond each node's first.
    more_names: u64,
    bytes: Share,
    quota: Quota,
    /// Work of lookups since it was last asked for.
    walked: Cell<u64>,
    pub(in crate::vfs) txn: Option<Txn>,
}

impl Tree {
    /// The root directory.
    pub const ROOT: Ino = 1;
    /// A tree with an empty root.
    pub fn new(quota: Quota) -> Self {
        let root = Node::new(NodeKind::empty(true, Self::ROOT), 0);
        Self {
            nodes: BTreeMap::from([(Self::ROOT, root)]),
            open: BTreeMap::new(),
            next: Self::ROOT + 1,
            more_names: 0,
            bytes: Share::default(),
            quota,
            walked: Cell::new(0),
            txn: None,
        }
    }

    /// Counts work of a lookup, in bytes that are copied in the same time.
    fn walk_on(&self, work: u64) {
        self.walked.set(self.walked.get() + work);
    }

    /// The work of lookups since the last time.
    pub(in crate::vfs) fn take_walked(&mut self) -> u64 {
        self.walked.take()
    }

    /// Sets what may be added from now on; what is there stays.
    pub fn limit(&mut self, quota: Quota) {
        self.quota = quota;
    }

    /// Takes the bytes of its files from a pool, too, beginning with those that are there.
    pub fn share(&mut self, pool: MemoryPool) {
        let bytes = self.used_bytes();
        self.bytes = Share::of(Some(pool));
        self.bytes.set(bytes);
    }

    /// Bytes of all files, open nameless ones included, with those of names and what nodes and
    /// names take beside them. An empty tree has none.
    pub fn used_bytes(&self) -> u64 {
        self.bytes.bytes()
    }

    /// Files, links and directories, the root included, and all names beyond the first that a node
    /// has.
    pub fn used_nodes(&self) -> u64 {
        self.nodes.len() as u64 + self.more_names
    }

    pub(super) fn node(&self, ino: Ino) -> Result<&Node, FsError> {
        self.nodes.get(&ino).ok_or(FsError::BadHandle)
    }

    /// Entries of a directory.
    ///
    /// # Errors
    /// [`FsError`] when it is not a directory.
    pub fn entries(&self, ino: Ino) -> Result<&BTreeMap<String, Ino>, FsError> {
        match &self.node(ino)?.kind {
            NodeKind::Directory { entries, .. } => Ok(entries),
            _ => Err(FsError::NotDirectory),
        }
    }

    /// Contents of a file.
    ///
    /// # Errors
    /// [`FsError`] when it is not a file.
    pub fn bytes(&self, ino: Ino) -> Result<&[u8], FsError> {
        match &self.node(ino)?.kind {
            NodeKind::File(bytes) => Ok(bytes),
            NodeKind::Directory { .. } => Err(FsError::IsDirectory),
            NodeKind::Link(_) => Err(FsError::Loop),
        }
    }

    pub(in crate::vfs) fn child(&self, directory: Ino, name: &str) -> Result<Option<Ino>, FsError> {
        Ok(self.entries(directory)?.get(name).copied())
    }

    /// Describes a node.
    ///
    /// # Errors
    /// [`FsError`] when it is gone.
    pub fn stat(&self, ino: Ino) -> Result<Stat, FsError> {
        let node = self.node(ino)?;
        Ok(Stat {
            ino,
            kind: node.kind.kind(),
            size: node.kind.size(),
            times: node.times,
            links: u64::from(node.links),
        })
    }

    /// Sets times of a node; what is not given stays. The time of its change becomes `now`.
    ///
    /// # Errors
    /// [`FsError`] when it is gone.
    pub fn set_node_times(
        &mut self,
        ino: Ino,
        accessed: Option<u64>,
        modified: Option<u64>,
        now: u64,
    ) -> Result<(), FsError> {
        self.node(ino)?;
        self.set_times(ino, |times| {
            times.accessed = accessed.unwrap_or(times.accessed);
            times.modified = modified.unwrap_or(times.modified);
            times.changed = now;
        });
        Ok(())
    }

    /// Notes that a node is read: see [`Times::accessed`].
    pub fn note_read(&mut self, ino: Ino, now: u64) {
        if let Some(Node { times, .. }) = self.nodes.get_mut(&ino)
            && times.accessed <= times.modified.max(times.changed)
        {
            times.accessed = now;
        }
    }

    /// Counts one more handle of a node.
    pub fn hold(&mut self, ino: Ino) {
        *self.open.entry(ino).or_insert(0) += 1;
    }

    /// Gives a handle back; a node without name goes with its last handle.
    pub fn close(&mut self, ino: Ino) {
        if let Entry::Occupied(mut count) = self.open.entry(ino) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
                self.free_if_unused(ino);
            }
        }
    }

    /// Reads at an offset; fewer bytes at the end, none past it.
    ///
    /// # Errors
    /// [`FsError`] when it is not a file.
    pub fn read(&self, ino: Ino, offset: u64, into: &mut [u8]) -> Result<usize, FsError> {
        let bytes = self.bytes(ino)?;
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let count = into.len().min(bytes.len() - start);
        into[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    /// Writes at an offset; a gap before it becomes zeros.
    ///
    /// # Errors
    /// [`FsError`] when it is not a file or the quota is used up.
    pub fn write(&mut self, ino: Ino, offset: u64, data: &[u8], now: u64) -> Result<(), FsError> {
        if data.is_empty() {
            return self.bytes(ino).map(|_| ());
        }
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(FsError::NoSpace)?;
        // A gap before the offset counts against the quota, too: the guest chooses the offset.
        let old = self.bytes(ino)?.len() as u64;
        if end > old {
            self.reserve(ino, end - old)?;
        }
        // The quota was checked, so that the offset is an index.
        let (start, end) = (offset as usize, end as usize);
        // Before the change: the transaction copies what is about to be lost.
        self.touch(ino, start..end);
        let bytes = self.file_mut(ino, now)?;
        if end > bytes.len() {
            // The new bytes are copied once, without being zeroed before.
            bytes.resize(start.max(bytes.len()), 0);
            let overlap = bytes.len() - start;
            bytes[start..].copy_from_slice(&data[..overlap]);
            bytes.extend_from_slice(&data[overlap..]);
        } else {
            bytes[start..end].copy_from_slice(data);
        }
        Ok(())
    }

    /// Cuts or extends a file with zeros.
    ///
    /// # Errors
    /// [`FsError`] when it is not a file or the quota is used up.
    pub fn set_len(&mut self, ino: Ino, len: u64, now: u64) -> Result<(), FsError> {
        let old = self.bytes(ino)?.len() as u64;
        if len > old {
            self.reserve(ino, len - old)?;
        } else {
            self.bytes.set(self.used_bytes() - (old - len));
        }
        self.touch(ino, len.min(old) as usize..old as usize);
        let bytes = self.file_mut(ino, now)?;
        bytes.resize(len as usize, 0);
        if len == 0 {
            // A file that was emptied gives its memory back.
            bytes.shrink_to_fit();
        }
        Ok(())
    }
}
