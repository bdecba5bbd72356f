//! Operations by path: finding, opening, making, removing and renaming.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    OpenOptions, Tree,
    path::{End, walk},
};
use crate::vfs::{
    error::FsError,
    node::{Ino, NodeKind},
};

impl Tree {
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
        // Before the handle is counted: an error leaves nothing open.
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
    /// [`FsError`] when it is not a directory, is not empty, or is the starting directory.
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
                // No recursion: the depth of a tree is the guest's choice.
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
        // Otherwise the directory would become part of itself, and unreachable.
        if is_directory && self.is_within(to, ino) {
            return Err(FsError::Invalid);
        }
        let replaced = self.child(to, new_name)?;
        if replaced.is_some_and(|replaced| replaced != ino && self.is_within(parent, replaced)) {
            return Err(FsError::NotEmpty);
        }
        match replaced {
            // Both names are the same one: POSIX asks for success, and nothing changes.
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
}
