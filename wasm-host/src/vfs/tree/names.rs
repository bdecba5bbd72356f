//! Operations by path: finding, opening, making, removing and renaming.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{
    OpenOptions, Tree,
    path::{End, Follow, MAX_PATH, check, walk},
};
use crate::vfs::{
    error::FsError,
    node::{Ino, NodeKind},
    quota::of_name,
};

impl Tree {
    /// The node at a path, behind symbolic links.
    ///
    /// # Errors
    /// [`FsError`] when there is none or the path leaves `start`.
    pub fn lookup(&self, start: Ino, path: &str) -> Result<Ino, FsError> {
        self.find(start, path, true)
    }

    /// The node at a path; a symbolic link at its end is followed only when asked, or when a slash
    /// comes after it.
    ///
    /// # Errors
    /// [`FsError`] when there is none or the path leaves `start`.
    pub fn find(&self, start: Ino, path: &str, follow: bool) -> Result<Ino, FsError> {
        match walk(self, start, path, Follow::if_asked(follow))? {
            End::Here(ino) => Ok(ino),
            End::Name {
                parent,
                name,
                directory,
            } => {
                let ino = self.child(parent, &name)?.ok_or(FsError::NotFound)?;
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
        let follow = match (options.create, options.exclusive || !options.follow) {
            (true, true) => Follow::Never,
            (true, false) => Follow::Bare,
            (false, _) => Follow::if_asked(options.follow),
        };
        let (parent, name, directory) = match walk(self, start, path, follow)? {
            End::Here(_) if options.create && options.exclusive => return Err(FsError::Exists),
            End::Here(_) if options.create => return Err(FsError::IsDirectory),
            End::Here(ino) => return Ok(ino),
            End::Name {
                parent,
                name,
                directory,
            } => (parent, name, directory),
        };
        if options.create && directory {
            return Err(FsError::IsDirectory);
        }
        match self.child(parent, &name)? {
            Some(_) if options.create && options.exclusive => Err(FsError::Exists),
            Some(ino) => {
                if matches!(self.node(ino)?.kind, NodeKind::Link(_)) {
                    return Err(FsError::Loop);
                }
                let is_directory = self.entries(ino).is_ok();
                if !is_directory && (directory || options.directory) {
                    return Err(FsError::NotDirectory);
                }
                if is_directory && (options.create || options.truncate) && !options.directory {
                    return Err(FsError::IsDirectory);
                }
                Ok(ino)
            }
            None if options.create && !options.directory => self.create(parent, &name, false, now),
            None if options.create => Err(FsError::IsDirectory),
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
            follow: true,
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
        let (parent, name) = match walk(self, start, path, Follow::Never)? {
            End::Here(_) => return Err(FsError::Exists),
            End::Name { parent, name, .. } => (parent, name),
        };
        match self.child(parent, &name)? {
            Some(_) => Err(FsError::Exists),
            None => self.create(parent, &name, true, now),
        }
    }

    /// Makes a symbolic link at a path; what it stands for need not be there.
    ///
    /// # Errors
    /// [`FsError`] when the name exists, its parent does not, the target is absolute, or the quota
    /// is used up.
    pub fn make_link(
        &mut self,
        target: &str,
        start: Ino,
        path: &str,
        now: u64,
    ) -> Result<Ino, FsError> {
        check(target)?;
        if target.len() == MAX_PATH {
            return Err(FsError::NameTooLong);
        }
        let (parent, name) = self.free_name(start, path)?;
        self.create_link(parent, &name, target, now)
    }

    /// Gives a file or a symbolic link one more name.
    ///
    /// # Errors
    /// [`FsError`] when there is no such file, it is a directory, the new name exists, its parent
    /// does not, or the quota is used up.
    pub fn link(
        &mut self,
        start: Ino,
        path: &str,
        new_start: Ino,
        new_path: &str,
        now: u64,
    ) -> Result<(), FsError> {
        let ino = self.find(start, path, false)?;
        // The new name is looked at first, as on Linux.
        let (parent, name) = self.free_name(new_start, new_path)?;
        if self.entries(ino).is_ok() {
            return Err(FsError::NotPermitted);
        }
        self.add_name(ino, parent, &name, now)
    }

    /// The name at the end of a path, which must be free and not ask for a directory.
    fn free_name<'p>(
        &self,
        start: Ino,
        path: &'p str,
    ) -> Result<(Ino, alloc::borrow::Cow<'p, str>), FsError> {
        let End::Name {
            parent,
            name,
            directory,
        } = walk(self, start, path, Follow::Slash)?
        else {
            return Err(FsError::Exists);
        };
        // Nothing can be made in a directory that was removed, whatever it is.
        if !self.is_named(parent)? {
            return Err(FsError::NotFound);
        }
        match self.child(parent, &name)? {
            Some(ino) if directory && self.entries(ino).is_err() => Err(FsError::NotDirectory),
            Some(_) => Err(FsError::Exists),
            None if directory => Err(FsError::NotFound),
            None => Ok((parent, name)),
        }
    }

    /// What a symbolic link stands for.
    ///
    /// # Errors
    /// [`FsError`] when there is none or it is no link.
    pub fn target(&self, start: Ino, path: &str) -> Result<&str, FsError> {
        let ino = self.find(start, path, false)?;
        match &self.node(ino)?.kind {
            NodeKind::Link(target) => Ok(target),
            _ => Err(FsError::Invalid),
        }
    }

    /// The directory at a path from the root, made with its parents where missing. Symbolic links
    /// are not followed: what a host makes stays where the host says.
    ///
    /// # Errors
    /// [`FsError`] when a file or a link is in the way or the quota is used up.
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
    pub fn remove_dir(&mut self, start: Ino, path: &str, now: u64) -> Result<(), FsError> {
        let End::Name { parent, name, .. } = walk(self, start, path, Follow::Never)? else {
            return Err(FsError::Invalid);
        };
        let ino = self.child(parent, &name)?.ok_or(FsError::NotFound)?;
        if !self.entries(ino)?.is_empty() {
            return Err(FsError::NotEmpty);
        }
        self.expect_change(&[&name])?;
        self.stamp(parent, now);
        self.remove(parent, &name, ino)
    }

    /// Removes a name of a file or a symbolic link.
    ///
    /// # Errors
    /// [`FsError`] when there is none or it is a directory.
    pub fn unlink(&mut self, start: Ino, path: &str, now: u64) -> Result<(), FsError> {
        let End::Name {
            parent,
            name,
            directory,
        } = walk(self, start, path, Follow::Never)?
        else {
            return Err(FsError::IsDirectory);
        };
        let ino = self.child(parent, &name)?.ok_or(FsError::NotFound)?;
        if self.entries(ino).is_ok() {
            return Err(FsError::IsDirectory);
        }
        if directory {
            return Err(FsError::NotDirectory);
        }
        self.expect_change(&[&name])?;
        self.stamp(parent, now);
        self.stamp_changed(ino, now);
        self.remove(parent, &name, ino)
    }

    /// Removes a directory with all that is in it, from the root; a missing one is fine.
    ///
    /// # Errors
    /// [`FsError`] when the path leads through a file.
    pub fn remove_all(&mut self, path: &str, now: u64) -> Result<(), FsError> {
        let (parent, name, top) = match walk(self, Self::ROOT, path, Follow::Never) {
            Ok(End::Name { parent, name, .. }) => match self.child(parent, &name)? {
                Some(ino) => (parent, name, ino),
                None => return Ok(()),
            },
            Ok(End::Here(_)) => return Err(FsError::Invalid),
            Err(FsError::NotFound) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.stamp(parent, now);
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
            // A file with names elsewhere lives on.
            self.stamp_changed(ino, now);
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
        now: u64,
    ) -> Result<(), FsError> {
        let source = walk(self, start, path, Follow::Never)?;
        let target = walk(self, new_start, new_path, Follow::Never)?;
        let (
            End::Name {
                parent,
                name,
                directory,
            },
            End::Name {
                parent: to,
                name: new_name,
                directory: new_directory,
            },
        ) = (source, target)
        else {
            // `.` and `..` at the end, as Linux answers it.
            return Err(FsError::Busy);
        };
        let ino = self.child(parent, &name)?.ok_or(FsError::NotFound)?;
        // Nothing is found in a directory that was removed, before what is looked for matters.
        if !self.is_named(to)? {
            return Err(FsError::NotFound);
        }
        let is_directory = self.entries(ino).is_ok();
        if !is_directory && (directory || new_directory) {
            return Err(FsError::NotDirectory);
        }
        // Otherwise the directory would become part of itself, and unreachable.
        if is_directory && self.is_within(to, ino) {
            return Err(FsError::Invalid);
        }
        let replaced = self.child(to, &new_name)?;
        if replaced.is_some_and(|replaced| replaced != ino && self.is_within(parent, replaced)) {
            return Err(FsError::NotEmpty);
        }
        match replaced {
            // Both names are the same node's: POSIX asks for success, and nothing changes.
            Some(other) if other == ino => return Ok(()),
            Some(other) => match (is_directory, self.entries(other)) {
                (true, Err(_)) => return Err(FsError::NotDirectory),
                (false, Ok(_)) => return Err(FsError::IsDirectory),
                (true, Ok(entries)) if !entries.is_empty() => return Err(FsError::NotEmpty),
                _ => {}
            },
            None => {}
        }
        self.expect_change(&[&name, &new_name])?;
        // A full volume's files can get other names that are no longer.
        let (old, new) = (of_name(&name), of_name(&new_name));
        if replaced.is_none() {
            self.charge(new.saturating_sub(old))?;
            self.count(new.min(old));
        }
        for directory in [parent, to] {
            self.stamp(directory, now);
        }
        self.stamp_changed(ino, now);
        if let Some(replaced) = replaced {
            self.stamp_changed(replaced, now);
        }
        self.relink(parent, &name, to, &new_name, ino, replaced)
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
