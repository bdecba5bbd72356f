//! The journal's side of a tree: effects replayed, the tree as effects, and undoing a transaction.

use alloc::{collections::BTreeSet, vec::Vec};

use super::Tree;
use crate::vfs::{
    error::FsError,
    journal::Effect,
    node::{Ino, Node, NodeKind, Times},
    quota::{NODE, of_name},
    txn::{Change, PAGE, Txn},
};

impl Tree {
    /// Replays a committed effect.
    ///
    /// # Errors
    /// [`FsError`] when it does not fit the tree: the journal is not this tree's.
    pub fn apply(&mut self, effect: &Effect<'_>) -> Result<(), FsError> {
        match effect {
            Effect::Create {
                ino,
                parent,
                name,
                directory,
                now,
            } => {
                self.check_new(*ino, *parent, name)?;
                self.count(NODE + of_name(name));
                self.insert(
                    *ino,
                    *parent,
                    name,
                    NodeKind::empty(*directory, *parent),
                    *now,
                )
            }
            Effect::Symlink {
                ino,
                parent,
                name,
                target,
                now,
            } => {
                self.check_new(*ino, *parent, name)?;
                self.count(NODE + of_name(name) + target.len() as u64);
                let kind = NodeKind::Link((*target).into());
                self.insert(*ino, *parent, name, kind, *now)
            }
            Effect::Link {
                ino,
                parent,
                name,
                now,
            } => {
                self.node(*ino)?;
                if self.entries(*ino).is_ok() {
                    return Err(FsError::NotPermitted);
                }
                if self.child(*parent, name)?.is_some() {
                    return Err(FsError::Exists);
                }
                self.count(of_name(name));
                self.insert_name(*ino, *parent, name, *now)
            }
            Effect::Times { ino, times } => {
                self.node(*ino)?;
                self.set_times(*ino, |old| *old = *times);
                Ok(())
            }
            Effect::Remove { parent, name } => {
                let ino = self.child(*parent, name)?.ok_or(FsError::NotFound)?;
                self.remove(*parent, name, ino)
            }
            Effect::Rename {
                from,
                name,
                to,
                new_name,
            } => {
                let ino = self.child(*from, name)?.ok_or(FsError::NotFound)?;
                let replaced = self.child(*to, new_name)?;
                if replaced.is_none() {
                    self.count(of_name(new_name));
                }
                self.relink(*from, name, *to, new_name, ino, replaced)
            }
            Effect::Resize { ino, len, now } => self.set_len(*ino, *len, *now),
            Effect::Write { ino, offset, data } => {
                // The `Resize` before it carried the time.
                let times = self.node(*ino)?.times;
                self.write(*ino, *offset, data, times.modified)?;
                self.set_times(*ino, |new| *new = times);
                Ok(())
            }
        }
    }

    /// May a replayed node have this number and this name?
    fn check_new(&self, ino: Ino, parent: Ino, name: &str) -> Result<(), FsError> {
        match self.nodes.contains_key(&ino) || self.child(parent, name)?.is_some() {
            true => Err(FsError::Exists),
            false => Ok(()),
        }
    }

    /// The whole tree as effects over an empty one, for a store's checkpoint. Nameless files are
    /// left out.
    pub fn snapshot(&self, mut each: impl FnMut(&Effect<'_>)) {
        let mut directories = alloc::vec![Self::ROOT];
        // Nodes with several names, which are made at the first.
        let mut linked = BTreeSet::new();
        while let Some(parent) = directories.pop() {
            let Ok(entries) = self.entries(parent) else {
                continue;
            };
            for (name, ino) in entries {
                let Some(node) = self.nodes.get(ino) else {
                    continue;
                };
                let now = node.times.modified;
                if node.links > 1 && !linked.insert(*ino) {
                    each(&Effect::Link {
                        ino: *ino,
                        parent,
                        name,
                        now: node.times.changed,
                    });
                    continue;
                }
                if let NodeKind::Link(target) = &node.kind {
                    each(&Effect::Symlink {
                        ino: *ino,
                        parent,
                        name,
                        target,
                        now,
                    });
                    continue;
                }
                each(&Effect::Create {
                    ino: *ino,
                    parent,
                    name,
                    directory: matches!(node.kind, NodeKind::Directory { .. }),
                    now,
                });
                if let NodeKind::File(bytes) = &node.kind {
                    each(&Effect::Resize {
                        ino: *ino,
                        len: bytes.len() as u64,
                        now,
                    });
                    each(&Effect::Write {
                        ino: *ino,
                        offset: 0,
                        data: bytes,
                    });
                } else {
                    directories.push(*ino);
                }
            }
        }
        // Last, for names that come move a directory's times.
        for (ino, node) in &self.nodes {
            let directory = matches!(node.kind, NodeKind::Directory { .. });
            let given = Times::all(node.times.modified);
            if node.links > 0 && (directory || node.links > 1 || node.times != given) {
                each(&Effect::Times {
                    ino: *ino,
                    times: node.times,
                });
            }
        }
    }

    /// Begins a transaction, unless one is open.
    pub(in crate::vfs) fn begin(&mut self) {
        let (next, share) = (self.next, &self.bytes);
        self.txn
            .get_or_insert_with(|| Txn::new(next, share.beside()));
    }

    /// Effects of the open transaction.
    pub(in crate::vfs) fn effects(&self) -> Vec<Effect<'_>> {
        match &self.txn {
            Some(txn) => txn.effects(|ino| self.nodes.get(&ino)),
            None => Vec::new(),
        }
    }

    /// Undoes the open transaction. Handles of files that it made lead nowhere afterwards.
    pub(in crate::vfs) fn roll_back(&mut self) {
        let Some(mut txn) = self.txn.take() else {
            return;
        };
        // First, so that the files below can get their contents back.
        for (ino, node) in core::mem::take(&mut txn.freed) {
            self.nodes.insert(ino, node);
        }
        for (ino, before) in txn.files {
            if let Some(node) = self.nodes.get_mut(&ino)
                && let NodeKind::File(bytes) = &mut node.kind
            {
                // The pages below hold what was cut off, too.
                bytes.resize(before.len, 0);
                for (page, old) in before.pages {
                    let start = page * PAGE;
                    bytes[start..start + old.len()].copy_from_slice(&old);
                }
            }
        }
        for (ino, times) in txn.times {
            if let Some(node) = self.nodes.get_mut(&ino) {
                node.times = times;
            }
        }
        // Backwards: each change is undone in the state that it left.
        for change in txn.changes.into_iter().rev() {
            self.undo(change);
        }
        let bytes: u64 = self.nodes.values().map(Node::counted).sum();
        let more = |links: u32| u64::from(links.saturating_sub(1));
        self.more_names = self.nodes.values().map(|node| more(node.links)).sum();
        // Counted anew instead of undone step by step, without the root. It cannot fail: the memory
        // is in use already.
        self.bytes.set(bytes - NODE);
        let unused: Vec<Ino> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.links == 0)
            .map(|(ino, _)| *ino)
            .collect();
        // Nodes that had no name before the transaction either are freed, unless they are open.
        for ino in unused {
            self.free_if_unused(ino);
        }
    }

    /// Directories named in a change exist while it is undone: whatever removed them later was
    /// undone before.
    fn undo(&mut self, change: Change) {
        match change {
            Change::Create {
                ino, parent, name, ..
            }
            | Change::Symlink {
                ino, parent, name, ..
            } => {
                if let Ok(entries) = self.entries_mut(parent) {
                    entries.remove(&name);
                }
                self.nodes.remove(&ino);
            }
            Change::Link {
                ino, parent, name, ..
            } => {
                if let Ok(entries) = self.entries_mut(parent) {
                    entries.remove(&name);
                }
                self.lose_name(ino);
            }
            Change::Remove { parent, name, ino } => {
                if let Ok(entries) = self.entries_mut(parent) {
                    entries.insert(name, ino);
                }
                self.count_name(ino);
            }
            Change::Rename {
                from,
                name,
                to,
                new_name,
                ino,
                replaced,
            } => {
                if let Ok(entries) = self.entries_mut(to) {
                    match replaced {
                        Some(replaced) => entries.insert(new_name, replaced),
                        None => entries.remove(&new_name),
                    };
                }
                if let Some(replaced) = replaced {
                    self.count_name(replaced);
                }
                if let Ok(entries) = self.entries_mut(from) {
                    entries.insert(name, ino);
                }
                if let Some(NodeKind::Directory { parent, .. }) =
                    self.nodes.get_mut(&ino).map(|node| &mut node.kind)
                {
                    *parent = from;
                }
            }
        }
    }
}
