//! One tree of directories and files.

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Effect, FsError, Quota,
    path::{End, walk},
    txn::{Change, Txn},
};

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
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// Does a name lead here? An open file may have lost its name.
    pub(super) named: bool,
    pub(super) mtime: u64,
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
}

/// A tree with quotas. All times are nanoseconds since 1970, given by the caller.
pub struct Tree {
    nodes: BTreeMap<Ino, Node>,
    /// Handles per node.
    open: BTreeMap<Ino, u32>,
    next: Ino,
    bytes: u64,
    quota: Quota,
    pub(super) txn: Option<Txn>,
}

impl Tree {
    /// The root directory.
    pub const ROOT: Ino = 1;

    /// A tree with an empty root.
    pub fn new(quota: Quota) -> Self {
        let root = Node {
            kind: NodeKind::Directory {
                entries: BTreeMap::new(),
                parent: Self::ROOT,
            },
            named: true,
            mtime: 0,
        };
        Self {
            nodes: BTreeMap::from([(Self::ROOT, root)]),
            open: BTreeMap::new(),
            next: Self::ROOT + 1,
            bytes: 0,
            quota,
            txn: None,
        }
    }

    /// Bytes of all files, open nameless ones included.
    pub fn used_bytes(&self) -> u64 {
        self.bytes
    }

    /// Files and directories, the root included.
    pub fn used_nodes(&self) -> u64 {
        self.nodes.len() as u64
    }

    fn node(&self, ino: Ino) -> Result<&Node, FsError> {
        self.nodes.get(&ino).ok_or(FsError::BadHandle)
    }

    /// Entries of a directory.
    ///
    /// # Errors
    /// [`FsError`] when it is none.
    pub fn entries(&self, ino: Ino) -> Result<&BTreeMap<String, Ino>, FsError> {
        match &self.node(ino)?.kind {
            NodeKind::Directory { entries, .. } => Ok(entries),
            NodeKind::File(_) => Err(FsError::NotDirectory),
        }
    }

    /// Contents of a file.
    ///
    /// # Errors
    /// [`FsError`] when it is none.
    pub fn bytes(&self, ino: Ino) -> Result<&[u8], FsError> {
        match &self.node(ino)?.kind {
            NodeKind::File(bytes) => Ok(bytes),
            NodeKind::Directory { .. } => Err(FsError::IsDirectory),
        }
    }

    pub(super) fn child(&self, directory: Ino, name: &str) -> Result<Option<Ino>, FsError> {
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
            directory: matches!(node.kind, NodeKind::Directory { .. }),
            size: match &node.kind {
                NodeKind::File(bytes) => bytes.len() as u64,
                NodeKind::Directory { .. } => 0,
            },
            mtime: node.mtime,
            links: u64::from(node.named),
        })
    }

    /// The node at a path.
    ///
    /// # Errors
    /// [`FsError`] when there is none or the path leaves `start`.
    pub fn lookup(&self, start: Ino, path: &str) -> Result<Ino, FsError> {
        match walk(self, start, path)? {
            End::Here(ino) => Ok(ino),
            End::Name {
                parent,
                name,
                directory,
            } => {
                let ino = self.child(parent, name)?.ok_or(FsError::NotFound)?;
                if directory {
                    self.entries(ino)?;
                }
                Ok(ino)
            }
        }
    }

    /// Opens a path and gives the node; the caller holds a handle until [`Self::close`].
    ///
    /// # Errors
    /// [`FsError`] when the options do not fit what is there or the quota is used up.
    pub fn open(
        &mut self,
        start: Ino,
        path: &str,
        options: OpenOptions,
        now: u64,
    ) -> Result<Ino, FsError> {
        let ino = self.find_or_create(start, path, options, now)?;
        if options.truncate && !options.directory {
            self.set_len(ino, 0, now)?;
        }
        self.hold(ino);
        Ok(ino)
    }

    fn find_or_create(
        &mut self,
        start: Ino,
        path: &str,
        options: OpenOptions,
        now: u64,
    ) -> Result<Ino, FsError> {
        let (parent, name, directory) = match walk(self, start, path)? {
            End::Here(_) if options.create && options.exclusive => return Err(FsError::Exists),
            End::Here(_) if options.create => return Err(FsError::IsDirectory),
            End::Here(ino) => return Ok(ino),
            End::Name {
                parent,
                name,
                directory,
            } => (parent, name, directory),
        };
        match self.child(parent, name)? {
            Some(_) if options.create && options.exclusive => Err(FsError::Exists),
            Some(ino) => {
                let is_directory = self.entries(ino).is_ok();
                if !is_directory && (directory || options.directory) {
                    return Err(FsError::NotDirectory);
                }
                if is_directory && (options.create || options.truncate) && !options.directory {
                    return Err(FsError::IsDirectory);
                }
                Ok(ino)
            }
            None if options.create && !directory && !options.directory => {
                self.create(parent, name, false, now)
            }
            None if options.create => Err(FsError::Invalid),
            None => Err(FsError::NotFound),
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
    /// [`FsError`] when it is no file.
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
    /// [`FsError`] when it is no file or the quota is used up.
    pub fn write(&mut self, ino: Ino, offset: u64, data: &[u8], now: u64) -> Result<(), FsError> {
        if data.is_empty() {
            return self.bytes(ino).map(|_| ());
        }
        let end = offset
            .checked_add(data.len() as u64)
            .ok_or(FsError::NoSpace)?;
        let old = self.bytes(ino)?.len() as u64;
        if end > old {
            self.reserve(ino, end - old)?;
        }
        // The quota was checked, so that the offset is an index.
        let (start, end) = (offset as usize, end as usize);
        self.touch(ino, start..end);
        let bytes = self.file_mut(ino, now)?;
        if end > bytes.len() {
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
    /// [`FsError`] when it is no file or the quota is used up.
    pub fn set_len(&mut self, ino: Ino, len: u64, now: u64) -> Result<(), FsError> {
        let old = self.bytes(ino)?.len() as u64;
        if len > old {
            self.reserve(ino, len - old)?;
        } else {
            self.bytes -= old - len;
        }
        self.touch(ino, len.min(old) as usize..old as usize);
        let bytes = self.file_mut(ino, now)?;
        bytes.resize(len as usize, 0);
        if len == 0 {
            bytes.shrink_to_fit();
        }
        Ok(())
    }

    /// Replaces a whole file, making it when missing.
    ///
    /// # Errors
    /// [`FsError`] when the path cannot be opened or the quota is used up.
    pub fn write_file(
        &mut self,
        start: Ino,
        path: &str,
        data: &[u8],
        now: u64,
    ) -> Result<(), FsError> {
        let options = OpenOptions {
            create: true,
            truncate: true,
            ..OpenOptions::default()
        };
        let ino = self.open(start, path, options, now)?;
        let written = self.write(ino, 0, data, now);
        self.close(ino);
        written
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// [`FsError`] when the name exists, its parent does not, or the quota is used up.
    pub fn make_dir(&mut self, start: Ino, path: &str, now: u64) -> Result<Ino, FsError> {
        match walk(self, start, path)? {
            End::Here(_) => Err(FsError::Exists),
            End::Name { parent, name, .. } => match self.child(parent, name)? {
                Some(_) => Err(FsError::Exists),
                None => self.create(parent, name, true, now),
            },
        }
    }

    /// The directory at a path from the root, made with its parents where missing.
    ///
    /// # Errors
    /// [`FsError`] when a file is in the way or the quota is used up.
    pub fn make_dirs(&mut self, path: &str, now: u64) -> Result<Ino, FsError> {
        let mut here = Self::ROOT;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if part == ".." {
                return Err(FsError::Escape);
            }
            here = match self.child(here, part)? {
                Some(ino) => ino,
                None => self.make_dir(here, part, now)?,
            };
        }
        self.entries(here)?;
        Ok(here)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`FsError`] when it is none, is not empty, or is the starting directory.
    pub fn remove_dir(&mut self, start: Ino, path: &str) -> Result<(), FsError> {
        let End::Name { parent, name, .. } = walk(self, start, path)? else {
            return Err(FsError::Invalid);
        };
        let ino = self.child(parent, name)?.ok_or(FsError::NotFound)?;
        if !self.entries(ino)?.is_empty() {
            return Err(FsError::NotEmpty);
        }
        self.remove(parent, name, ino)
    }

    /// Removes a file's name.
    ///
    /// # Errors
    /// [`FsError`] when there is none or it is a directory.
    pub fn unlink(&mut self, start: Ino, path: &str) -> Result<(), FsError> {
        let End::Name {
            parent,
            name,
            directory,
        } = walk(self, start, path)?
        else {
            return Err(FsError::IsDirectory);
        };
        let ino = self.child(parent, name)?.ok_or(FsError::NotFound)?;
        if self.entries(ino).is_ok() {
            return Err(FsError::IsDirectory);
        }
        if directory {
            return Err(FsError::NotDirectory);
        }
        self.remove(parent, name, ino)
    }

    /// Removes a directory with all that is in it, from the root; a missing one is fine.
    ///
    /// # Errors
    /// [`FsError`] when the path leads through a file.
    pub fn remove_all(&mut self, path: &str) -> Result<(), FsError> {
        let (parent, name, top) = match walk(self, Self::ROOT, path) {
            Ok(End::Name { parent, name, .. }) => match self.child(parent, name)? {
                Some(ino) => (parent, name, ino),
                None => return Ok(()),
            },
            Ok(End::Here(_)) => return Err(FsError::Invalid),
            Err(FsError::NotFound) => return Ok(()),
            Err(error) => return Err(error),
        };
        // Names below, parents before children; removed from the back.
        let mut below: Vec<(Ino, String, Ino)> = alloc::vec![(parent, name.to_string(), top)];
        let mut next = 0;
        while let Some((_, _, ino)) = below.get(next) {
            let ino = *ino;
            if let Ok(entries) = self.entries(ino) {
                let children: Vec<_> = entries
                    .iter()
                    .map(|(name, child)| (ino, name.clone(), *child))
                    .collect();
                below.extend(children);
            }
            next += 1;
        }
        for (parent, name, ino) in below.into_iter().rev() {
            self.remove(parent, &name, ino)?;
        }
        Ok(())
    }

    /// Renames, replacing a file by a file or an empty directory by a directory.
    ///
    /// # Errors
    /// [`FsError`] when the kinds do not fit, or a directory would become part of itself.
    pub fn rename(
        &mut self,
        start: Ino,
        path: &str,
        new_start: Ino,
        new_path: &str,
    ) -> Result<(), FsError> {
        let (
            End::Name {
                parent,
                name,
                directory,
            },
            target,
        ) = (walk(self, start, path)?, walk(self, new_start, new_path)?)
        else {
            return Err(FsError::Invalid);
        };
        let ino = self.child(parent, name)?.ok_or(FsError::NotFound)?;
        let is_directory = self.entries(ino).is_ok();
        let End::Name {
            parent: to,
            name: new_name,
            directory: new_directory,
        } = target
        else {
            return Err(if is_directory {
                FsError::NotEmpty
            } else {
                FsError::IsDirectory
            });
        };
        if !is_directory && (directory || new_directory) {
            return Err(FsError::NotDirectory);
        }
        if is_directory && self.is_within(to, ino) {
            return Err(FsError::Invalid);
        }
        let replaced = self.child(to, new_name)?;
        if replaced.is_some_and(|replaced| replaced != ino && self.is_within(parent, replaced)) {
            return Err(FsError::NotEmpty);
        }
        match replaced {
            Some(other) if other == ino => return Ok(()),
            Some(other) => match (is_directory, self.entries(other)) {
                (true, Err(_)) => return Err(FsError::NotDirectory),
                (false, Ok(_)) => return Err(FsError::IsDirectory),
                (true, Ok(entries)) if !entries.is_empty() => return Err(FsError::NotEmpty),
                _ => {}
            },
            None => {}
        }
        self.relink(parent, name, to, new_name, ino, replaced)
    }

    /// Is `ino` the directory `above` or somewhere below it?
    fn is_within(&self, mut ino: Ino, above: Ino) -> bool {
        loop {
            if ino == above {
                return true;
            }
            match self.nodes.get(&ino).map(|node| &node.kind) {
                Some(NodeKind::Directory { parent, .. }) if *parent != ino => ino = *parent,
                _ => return false,
            }
        }
    }

    fn relink(
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

    fn create(
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

    fn insert(
        &mut self,
        ino: Ino,
        parent: Ino,
        name: &str,
        directory: bool,
        now: u64,
    ) -> Result<(), FsError> {
        self.entries_mut(parent)?.insert(name.to_string(), ino);
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

    fn remove(&mut self, parent: Ino, name: &str, ino: Ino) -> Result<(), FsError> {
        self.entries_mut(parent)?.remove(name);
        self.note(|| Change::Remove {
            parent,
            name: name.to_string(),
            ino,
        });
        self.set_named(ino, false);
        self.free_if_unused(ino);
        Ok(())
    }

    fn note(&mut self, change: impl FnOnce() -> Change) {
        if let Some(txn) = &mut self.txn {
            txn.changes.push(change());
        }
    }

    fn touch(&mut self, ino: Ino, range: core::ops::Range<usize>) {
        if let (Some(txn), Some(node)) = (&mut self.txn, self.nodes.get(&ino))
            && let NodeKind::File(bytes) = &node.kind
        {
            txn.touch(ino, bytes, node.mtime, range);
        }
    }

    fn set_named(&mut self, ino: Ino, named: bool) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.named = named;
        }
    }

    fn free_if_unused(&mut self, ino: Ino) {
        if self.open.contains_key(&ino) || self.nodes.get(&ino).is_none_or(|node| node.named) {
            return;
        }
        if let Some(node) = self.nodes.remove(&ino) {
            if let NodeKind::File(bytes) = &node.kind {
                self.bytes -= bytes.len() as u64;
            }
            if let Some(txn) = &mut self.txn {
                txn.freed.insert(ino, node);
            }
        }
    }

    /// Takes bytes from the quota and makes room for them.
    fn reserve(&mut self, ino: Ino, more: u64) -> Result<(), FsError> {
        let total = self
            .bytes
            .checked_add(more)
            .filter(|total| *total <= self.quota.bytes)
            .ok_or(FsError::NoSpace)?;
        if let Some(NodeKind::File(bytes)) = self.nodes.get_mut(&ino).map(|node| &mut node.kind) {
            let more = usize::try_from(more).map_err(|_| FsError::NoSpace)?;
            bytes.try_reserve(more).map_err(|_| FsError::NoSpace)?;
        }
        self.bytes = total;
        Ok(())
    }

    fn entries_mut(&mut self, ino: Ino) -> Result<&mut BTreeMap<String, Ino>, FsError> {
        match self.nodes.get_mut(&ino).map(|node| &mut node.kind) {
            Some(NodeKind::Directory { entries, .. }) => Ok(entries),
            Some(NodeKind::File(_)) => Err(FsError::NotDirectory),
            None => Err(FsError::BadHandle),
        }
    }

    fn file_mut(&mut self, ino: Ino, now: u64) -> Result<&mut Vec<u8>, FsError> {
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
                if self.nodes.contains_key(ino) || self.child(*parent, name)?.is_some() {
                    return Err(FsError::Exists);
                }
                self.insert(*ino, *parent, name, *directory, *now)
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
                self.relink(*from, name, *to, new_name, ino, replaced)
            }
            Effect::Resize { ino, len, now } => self.set_len(*ino, *len, *now),
            Effect::Write { ino, offset, data } => {
                let mtime = self.node(*ino)?.mtime;
                self.write(*ino, *offset, data, mtime)
            }
        }
    }

    /// The whole tree as effects over an empty one, for a store's checkpoint. Nameless files are left out.
    pub fn snapshot(&self, mut each: impl FnMut(&Effect<'_>)) {
        let mut directories = alloc::vec![Self::ROOT];
        while let Some(parent) = directories.pop() {
            let Ok(entries) = self.entries(parent) else {
                continue;
            };
            for (name, ino) in entries {
                let Some(node) = self.nodes.get(ino) else {
                    continue;
                };
                let directory = matches!(node.kind, NodeKind::Directory { .. });
                each(&Effect::Create {
                    ino: *ino,
                    parent,
                    name,
                    directory,
                    now: node.mtime,
                });
                match &node.kind {
                    NodeKind::Directory { .. } => directories.push(*ino),
                    NodeKind::File(bytes) => {
                        each(&Effect::Resize {
                            ino: *ino,
                            len: bytes.len() as u64,
                            now: node.mtime,
                        });
                        each(&Effect::Write {
                            ino: *ino,
                            offset: 0,
                            data: bytes,
                        });
                    }
                }
            }
        }
    }

    /// Effects of the open transaction.
    pub(super) fn effects(&self) -> Vec<Effect<'_>> {
        match &self.txn {
            Some(txn) => txn.effects(|ino| self.nodes.get(&ino)),
            None => Vec::new(),
        }
    }

    /// Undoes the open transaction. Handles of files that it made lead nowhere afterwards.
    pub(super) fn roll_back(&mut self) {
        let Some(mut txn) = self.txn.take() else {
            return;
        };
        for (ino, node) in core::mem::take(&mut txn.freed) {
            self.nodes.insert(ino, node);
        }
        for (ino, before) in txn.files {
            if let Some(node) = self.nodes.get_mut(&ino)
                && let NodeKind::File(bytes) = &mut node.kind
            {
                bytes.resize(before.len, 0);
                for (page, old) in before.pages {
                    let start = page * super::txn::PAGE;
                    bytes[start..start + old.len()].copy_from_slice(&old);
                }
                node.mtime = before.mtime;
            }
        }
        for change in txn.changes.into_iter().rev() {
            self.undo(change);
        }
        self.bytes = self
            .nodes
            .values()
            .map(|node| match &node.kind {
                NodeKind::File(bytes) => bytes.len() as u64,
                NodeKind::Directory { .. } => 0,
            })
            .sum();
        let unused: Vec<Ino> = self
            .nodes
            .iter()
            .filter(|(_, node)| !node.named)
            .map(|(ino, _)| *ino)
            .collect();
        for ino in unused {
            self.free_if_unused(ino);
        }
    }

    /// Directories named in a change exist while it is undone: whatever removed them later was undone before.
    fn undo(&mut self, change: Change) {
        match change {
            Change::Create {
                ino, parent, name, ..
            } => {
                if let Ok(entries) = self.entries_mut(parent) {
                    entries.remove(&name);
                }
                self.nodes.remove(&ino);
            }
            Change::Remove { parent, name, ino } => {
                if let Ok(entries) = self.entries_mut(parent) {
                    entries.insert(name, ino);
                }
                self.set_named(ino, true);
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
                    self.set_named(replaced, true);
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
