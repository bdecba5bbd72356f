//! Changes of single nodes: each keeps entries, counters and quotas consistent, and is remembered
//! by the open transaction.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::Tree;
use crate::pool::Share;
use crate::vfs::{
    error::FsError,
    node::{Ino, Node, NodeKind, Times},
    quota::{NODE, of_name},
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
        self.check_name_fits(parent, name)?;
        let ino = self.next;
        self.charge(NODE + of_name(name))?;
        self.insert(ino, parent, name, NodeKind::empty(directory, parent), now)?;
        self.note(|| Change::Create {
            ino,
            parent,
            name: name.to_string(),
            directory,
            now,
        });
        Ok(ino)
    }

    pub(super) fn create_link(
        &mut self,
        parent: Ino,
        name: &str,
        target: &str,
        now: u64,
    ) -> Result<Ino, FsError> {
        self.check_name_fits(parent, name)?;
        // Its text counts as the contents of a file do.
        self.charge(NODE + of_name(name) + target.len() as u64)?;
        let ino = self.next;
        self.insert(ino, parent, name, NodeKind::Link(target.to_string()), now)?;
        self.note(|| Change::Symlink {
            ino,
            parent,
            name: name.to_string(),
            target: target.to_string(),
            now,
        });
        Ok(ino)
    }

    /// One more name for a node that is no directory.
    pub(super) fn add_name(
        &mut self,
        ino: Ino,
        parent: Ino,
        name: &str,
        now: u64,
    ) -> Result<(), FsError> {
        self.check_name_fits(parent, name)?;
        self.charge(of_name(name))?;
        self.insert_name(ino, parent, name, now)?;
        self.note(|| Change::Link {
            ino,
            parent,
            name: name.to_string(),
            now,
        });
        Ok(())
    }

    pub(super) fn insert_name(
        &mut self,
        ino: Ino,
        parent: Ino,
        name: &str,
        now: u64,
    ) -> Result<(), FsError> {
        self.entries_mut(parent)?.insert(name.to_string(), ino);
        self.stamp(parent, now);
        self.stamp_changed(ino, now);
        self.count_name(ino);
        Ok(())
    }

    /// Takes bytes from the quota and the pool, for what is about to be made.
    pub(super) fn charge(&mut self, more: u64) -> Result<(), FsError> {
        let fits = self.used_bytes().saturating_add(more) <= self.quota.bytes;
        match fits && self.bytes.grow(more) {
            true => Ok(()),
            false => Err(FsError::NoSpace),
        }
    }

    /// Takes memory for a copy of a directory's names from the pool; `None` when it has too little.
    pub(crate) fn take_for_names(&self, directory: Ino) -> Result<Option<Share>, FsError> {
        let mut share = self.bytes.beside();
        let names = self.entries(directory)?.keys();
        let fits = share.grow(names.map(|name| of_name(name)).sum());
        Ok(fits.then_some(share))
    }

    /// Counts bytes that are in use already.
    pub(super) fn count(&mut self, more: u64) {
        self.bytes.set(self.used_bytes() + more);
    }

    /// Gives bytes back.
    pub(super) fn uncount(&mut self, less: u64) {
        self.bytes.set(self.used_bytes() - less);
    }

    /// May a directory get one more name?
    fn check_name_fits(&mut self, parent: Ino, name: &str) -> Result<(), FsError> {
        if !self.is_named(parent)? {
            return Err(FsError::NotFound);
        }
        if self.used_nodes() >= self.quota.nodes {
            return Err(FsError::NoSpace);
        }
        self.expect_change(&[name])
    }

    /// May these names change? An open transaction remembers each change until it ends.
    pub(super) fn expect_change(&mut self, names: &[&str]) -> Result<(), FsError> {
        let bytes = NODE + names.iter().map(|name| of_name(name)).sum::<u64>();
        let fits = self.txn.as_mut().is_none_or(|txn| txn.make_room(bytes));
        fits.then_some(()).ok_or(FsError::NoSpace)
    }

    /// Does a name lead to this node? A directory that was removed takes no new names.
    pub(super) fn is_named(&self, ino: Ino) -> Result<bool, FsError> {
        Ok(self.node(ino)?.links > 0)
    }

    pub(super) fn insert(
        &mut self,
        ino: Ino,
        parent: Ino,
        name: &str,
        kind: NodeKind,
        now: u64,
    ) -> Result<(), FsError> {
        self.entries_mut(parent)?.insert(name.to_string(), ino);
        self.stamp(parent, now);
        // A replayed number may be the highest: numbers are never used again.
        self.next = self.next.max(ino.saturating_add(1));
        self.nodes.insert(ino, Node::new(kind, now));
        if let Some(txn) = &mut self.txn {
            txn.times.insert(ino, Times::all(now));
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, parent: Ino, name: &str, ino: Ino) -> Result<(), FsError> {
        self.entries_mut(parent)?.remove(name);
        self.uncount(of_name(name));
        self.note(|| Change::Remove {
            parent,
            name: name.to_string(),
            ino,
        });
        // An open file lives on without a name, as on a POSIX system.
        self.lose_name(ino);
        self.free_if_unused(ino);
        Ok(())
    }

    /// Gives a node another name. The new name is counted already, the old one counts no more.
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
        self.uncount(of_name(name));
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
            self.lose_name(replaced);
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
            txn.touch(ino, bytes, range);
        }
    }

    /// Counts a name that leads to a node.
    pub(super) fn count_name(&mut self, ino: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            self.more_names += u64::from(node.links > 0);
            node.links += 1;
        }
    }

    /// Counts a name less.
    pub(super) fn lose_name(&mut self, ino: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            self.more_names -= u64::from(node.links > 1);
            node.links = node.links.saturating_sub(1);
        }
    }

    /// Changes times, remembering those before the transaction.
    pub(super) fn set_times(&mut self, ino: Ino, change: impl FnOnce(&mut Times)) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            if let Some(txn) = &mut self.txn {
                txn.times.entry(ino).or_insert(node.times);
            }
            change(&mut node.times);
        }
    }

    /// A node's contents, or a directory's names, change now.
    pub(super) fn stamp(&mut self, ino: Ino, now: u64) {
        self.set_times(ino, |times| {
            times.modified = now;
            times.changed = now;
        });
    }

    /// Something about a node other than its contents changes now.
    pub(super) fn stamp_changed(&mut self, ino: Ino, now: u64) {
        self.set_times(ino, |times| times.changed = now);
    }

    pub(super) fn free_if_unused(&mut self, ino: Ino) {
        if self.open.contains_key(&ino) || self.nodes.get(&ino).is_none_or(|node| node.links > 0) {
            return;
        }
        if let Some(node) = self.nodes.remove(&ino) {
            // A directory that goes is empty.
            self.uncount(node.counted());
            if let Some(txn) = &mut self.txn {
                txn.keep(ino, node);
            }
        }
    }

    /// Takes bytes from the quota and makes room for them.
    pub(super) fn reserve(&mut self, ino: Ino, more: u64) -> Result<(), FsError> {
        if more > self.quota.bytes {
            return Err(FsError::TooBig);
        }
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
            Some(_) => Err(FsError::NotDirectory),
            None => Err(FsError::BadHandle),
        }
    }

    pub(super) fn file_mut(&mut self, ino: Ino, now: u64) -> Result<&mut Vec<u8>, FsError> {
        self.bytes(ino)?;
        self.stamp(ino, now);
        match self.nodes.get_mut(&ino).map(|node| &mut node.kind) {
            Some(NodeKind::File(bytes)) => Ok(bytes),
            _ => Err(FsError::BadHandle),
        }
    }
}
