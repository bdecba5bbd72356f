//! A module's open files.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::Errno;
use crate::{
    pool::Share,
    vfs::{Dir, Ino, Kind, Volume},
};

/// First descriptor after the standard streams.
const FIRST: u32 = 3;

/// An entry of a listing.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) ino: Ino,
    pub(super) kind: Kind,
}

/// Names in listings of a module; bounds one that lists a large directory by many descriptors.
const MAX_LISTED: usize = 256 * 1024;

/// A listing in progress: names stay where they were while entries come and go.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) entries: Vec<Listed>,
    /// What they take in memory.
    _taken: Share,
}

/// What a descriptor stands for.
pub(super) enum Descriptor {
    /// Standard input: always at its end.
    Input,
    /// Standard output (1) or error (2).
    Output(u32),
    Directory {
        dir: Dir,
        /// The alias, for a directory that was there from the start.
        alias: Option<String>,
        /// The listing in progress.
        listing: Listing,
    },
    File(File),
}

/// An open file.
pub(super) struct File {
    pub(super) volume: Volume,
    pub(super) ino: Ino,
    pub(super) offset: u64,
    /// As it was opened, or told later.
    pub(super) flags: u16,
    pub(super) read: bool,
    pub(super) write: bool,
}

/// All descriptors of a module. Dropping them closes the files.
pub(crate) struct Descriptors {
    open: BTreeMap<u32, Descriptor>,
    max: usize,
}

impl Descriptors {
    pub(super) fn new(mut directories: Vec<(String, Dir)>, max: usize) -> Self {
        // A fixed order: a guest sees the same numbers each time.
        directories.sort_by(|a, b| a.0.cmp(&b.0));
        let mut open = BTreeMap::from([
            (0, Descriptor::Input),
            (1, Descriptor::Output(1)),
            (2, Descriptor::Output(2)),
        ]);
        for ((alias, dir), fd) in directories.into_iter().zip(FIRST..) {
            // Held, so that removing the directory does not free it under the guest.
            dir.volume.with(|tree| tree.hold(dir.ino));
            let alias = Some(alias);
            let listing = Listing::default();
            open.insert(
                fd,
                Descriptor::Directory {
                    dir,
                    alias,
                    listing,
                },
            );
        }
        Self { open, max }
    }

    pub(super) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.open.get(&fd).ok_or(Errno::BADF)
    }

    pub(super) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.open.get_mut(&fd).ok_or(Errno::BADF)
    }

    /// The directory that path functions start in.
    pub(super) fn dir(&self, fd: u32) -> Result<&Dir, Errno> {
        match self.get(fd)? {
            Descriptor::Directory { dir, .. } => Ok(dir),
            _ => Err(Errno::BADF),
        }
    }

    /// The same for opening, which tells what is no directory from what is not there.
    pub(super) fn dir_to_open(&self, fd: u32) -> Result<&Dir, Errno> {
        self.get(fd)?;
        self.dir(fd).map_err(|_| Errno::NOTDIR)
    }

    /// The directory of a descriptor, and how many names its listing may have.
    pub(super) fn listing(&mut self, fd: u32) -> Result<(&Dir, &mut Listing, usize), Errno> {
        let others = self.open.iter().filter(|(other, _)| **other != fd);
        let listed = others.map(|(_, descriptor)| match descriptor {
            Descriptor::Directory { listing, .. } => listing.entries.len(),
            _ => 0,
        });
        let room = MAX_LISTED.saturating_sub(listed.sum());
        match self.get_mut(fd)? {
            Descriptor::Directory { dir, listing, .. } => Ok((dir, listing, room)),
            _ => Err(Errno::BADF),
        }
    }

    /// Is there room for another one? Asked before a file is opened, so that nothing is made in
    /// vain.
    pub(super) fn check_room(&self) -> Result<(), Errno> {
        if self.open.len() < self.max {
            Ok(())
        } else {
            Err(Errno::MFILE)
        }
    }

    /// Puts an open file or directory under the lowest free number.
    pub(super) fn add(&mut self, descriptor: Descriptor) -> u32 {
        // The lowest free one, as in POSIX.
        let fd = (FIRST..)
            .find(|fd| !self.open.contains_key(fd))
            .unwrap_or(u32::MAX);
        self.open.insert(fd, descriptor);
        fd
    }

    /// Closes any of them, also those that were there from the start.
    pub(super) fn close(&mut self, fd: u32) -> Result<(), Errno> {
        let descriptor = self.open.remove(&fd).ok_or(Errno::BADF)?;
        release(&descriptor);
        Ok(())
    }

    /// Puts an open one under another number, in place of what has that.
    pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        let descriptor = self.open.remove(&from).ok_or(Errno::BADF)?;
        if let Some(replaced) = self.open.insert(to, descriptor) {
            release(&replaced);
        }
        Ok(())
    }

    pub(super) fn locate(&self, path: &str) -> Option<(Dir, String)> {
        let mut best: Option<(usize, Dir, String)> = None;
        for descriptor in self.open.values() {
            let Descriptor::Directory {
                dir,
                alias: Some(alias),
                ..
            } = descriptor
            else {
                continue;
            };
            let trimmed = path.trim_start_matches('/');
            let Some(rest) = trimmed.strip_prefix(alias.trim_start_matches('/')) else {
                continue;
            };
            let whole = rest.len() == trimmed.len();
            let longer = best.as_ref().is_none_or(|(len, ..)| alias.len() > *len);
            if (whole || rest.is_empty() || rest.starts_with('/')) && longer {
                best = Some((
                    alias.len(),
                    dir.clone(),
                    rest.trim_start_matches('/').to_string(),
                ));
            }
        }
        best.map(|(_, dir, rest)| (dir, rest))
    }
}

fn release(descriptor: &Descriptor) {
    match descriptor {
        Descriptor::Directory { dir, .. } => dir.volume.with(|tree| tree.close(dir.ino)),
        Descriptor::File(file) => file.volume.with(|tree| tree.close(file.ino)),
        Descriptor::Input | Descriptor::Output(_) => {}
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        self.open.values().for_each(release);
    }
}

/// Entries of a directory with `.` and `..` in front, so many at most.
pub(super) fn list(dir: &Dir, max: usize) -> Result<Listing, Errno> {
    dir.volume.with(|tree| {
        // A directory that was removed lists nothing, as on Linux.
        if tree.stat(dir.ino)?.links == 0 {
            return Err(Errno::NOENT);
        }
        let names = tree.entries(dir.ino)?;
        if names.len() + 2 > max {
            return Err(Errno::NOMEM);
        }
        let taken = tree.take_for_names(dir.ino)?.ok_or(Errno::NOMEM)?;
        let mut entries = Vec::with_capacity(names.len() + 2);
        for name in [".", ".."] {
            entries.push(Listed {
                name: name.to_string(),
                ino: dir.ino,
                kind: Kind::Directory,
            });
        }
        for (name, ino) in names {
            entries.push(Listed {
                name: name.clone(),
                ino: *ino,
                kind: tree.stat(*ino)?.kind,
            });
        }
        Ok(Listing {
            entries,
            _taken: taken,
        })
    })
}
