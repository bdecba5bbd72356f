//! Changes of single nodes: each keeps entries, counters and quotas consistent, and is remembered
//! by the open transaction.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::Tree;
use crate::vfs::{
    error::FsError,
    node::{Ino, Node, NodeKind},
    txn::Change,
};

impl Tree {
    pub(super) fn create(
        &mut self,
        parent: Ino,
        name: &str,
        directory: bool,
        now: u64,
    ) -> Result<Ino, FsError> {
        if self.nodes.len() as u64 >= self.quota.nodes || !self.node(parent)?.named {
            return Err(if self.node(parent)?.named {
                FsError::NoSpace
            } else {
                FsError::NotFound
            });
        }
        let ino = self.next;
        self.insert(ino, parent, name, directory, now)?;
        self.note(|| Change::Create {
            ino,
            parent,
            name: name.to_string(),
            directory,
            now,
        });
        Ok(ino)
    }

    pub(super) fn insert(
        &mut self,
        ino: Ino,
        parent: Ino,
        name: &str,
        directory: bool,
        now: u64,
    ) -> Result<(), FsError> {
        self.entries_mut(parent)?.insert(name.to_string(), ino);
        // A replayed number may be the highest: numbers are never used again.
        self.next = self.next.max(ino + 1);
        let kind = if directory {
            NodeKind::Directory {
                entries: BTreeMap::new(),
                parent,
            }
        } else {
            NodeKind::File(Vec::new())
        };
        let node = Node {
            kind,
            named: true,
            mtime: now,
        };
        self.nodes.insert(ino, node);
        Ok(())
    }

    pub(super) fn remove(&mut self, parent: Ino, name: &str, ino: Ino) -> Result<(), FsError> {
        self.entries_mut(parent)?.remove(name);
        self.note(|| Change::Remove {
            parent,
            name: name.to_string(),
            ino,
        });
        // An open file lives on without a name, as on a POSIX system.
        self.set_named(ino, false);
        self.free_if_unused(ino);
        Ok(())
    }

    pub(super) fn relink(
        &mut self,
        from: Ino,
        name: &str,
        to: Ino,
        new_name: &str,
        ino: Ino,
        replaced: Option<Ino>,
    ) -> Result<(), FsError> {
        self.entries_mut(from)?.remove(name);
        self.entries_mut(to)?.insert(new_name.to_string(), ino);
        if let Some(NodeKind::Directory { parent, .. }) =
            self.nodes.get_mut(&ino).map(|node| &mut node.kind)
        {
            *parent = to;
        }
        self.note(|| Change::Rename {
            from,
            name: name.to_string(),
            to,
            new_name: new_name.to_string(),
            ino,
            replaced,
        });
        if let Some(replaced) = replaced {
            self.set_named(replaced, false);
            self.free_if_unused(replaced);
        }
        Ok(())
    }

    pub(super) fn note(&mut self, change: impl FnOnce() -> Change) {
        if let Some(txn) = &mut self.txn {
            txn.changes.push(change());
        }
    }

    pub(super) fn touch(&mut self, ino: Ino, range: core::ops::Range<usize>) {
        if let (Some(txn), Some(node)) = (&mut self.txn, self.nodes.get(&ino))
            && let NodeKind::File(bytes) = &node.kind
        {
            txn.touch(ino, bytes, node.mtime, range);
        }
    }

    pub(super) fn set_named(&mut self, ino: Ino, named: bool) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.named = named;
        }
    }

    pub(super) fn free_if_unused(&mut self, ino: Ino) {
        if self.open.contains_key(&ino) || self.nodes.get(&ino).is_none_or(|node| node.named) {
            return;
        }
        if let Some(node) = self.nodes.remove(&ino) {
            if let NodeKind::File(bytes) = &node.kind {
                self.bytes.set(self.bytes.bytes() - bytes.len() as u64);
            }
            if let Some(txn) = &mut self.txn {
                // Kept until the transaction ends: a rollback brings it back.
                txn.freed.insert(ino, node);
            }
        }
    }

    /// Takes bytes from the quota and makes room for them.
    pub(super) fn reserve(&mut self, ino: Ino, more: u64) -> Result<(), FsError> {
        let total = self.used_bytes().checked_add(more);
        if total.is_none_or(|total| total > self.quota.bytes) {
            return Err(FsError::NoSpace);
        }
        if let Some(NodeKind::File(bytes)) = self.nodes.get_mut(&ino).map(|node| &mut node.kind) {
            let more = usize::try_from(more).map_err(|_| FsError::NoSpace)?;
            // Running out of memory must be an error for the guest, not an abort of the host.
            bytes.try_reserve(more).map_err(|_| FsError::NoSpace)?;
        }
        // The pool comes last: what it grants is never given back by a later refusal.
        match self.bytes.grow(more) {
            true => Ok(()),
            false => Err(FsError::NoSpace),
        }
    }

    pub(super) fn entries_mut(&mut self, ino: Ino) -> Result<&mut BTreeMap<String, Ino>, FsError> {
        match self.nodes.get_mut(&ino).map(|node| &mut node.kind) {
            Some(NodeKind::Directory { entries, .. }) => Ok(entries),
            Some(NodeKind::File(_)) => Err(FsError::NotDirectory),
            None => Err(FsError::BadHandle),
        }
    }

    pub(super) fn file_mut(&mut self, ino: Ino, now: u64) -> Result<&mut Vec<u8>, FsError> {
        match self.nodes.get_mut(&ino) {
            Some(Node {
                kind: NodeKind::File(bytes),
                mtime,
                ..
            }) => {
                *mtime = now;
                Ok(bytes)
            }
            Some(_) => Err(FsError::IsDirectory),
            None => Err(FsError::BadHandle),
        }
    }
}
