//! Functions on paths. A path belongs to the directory whose descriptor comes with it and cannot
//! leave it.

use alloc::string::{String, ToString};

use super::{
    Call, Errno,
    descriptors::{Descriptor, File, Listing},
    fd::filestat,
    rights,
};
use crate::vfs::{Dir, FsError, Kind, tree::OpenOptions};

const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
/// Lookup flag: symbolic links at the end are followed.
const FOLLOW: u32 = 1;

impl Call<'_> {
    /// The path at arguments `index` (pointer) and `index + 1` (length).
    pub(super) fn path(&self, index: usize) -> Result<String, Errno> {
        self.memory
            .text(self.arg(index), self.arg(index + 1))
            .map(ToString::to_string)
    }

    /// The lookup flags at argument `index`: is a symbolic link at the end followed?
    pub(super) fn follow(&self, index: usize) -> Result<bool, Errno> {
        match self.arg(index) {
            0 => Ok(false),
            FOLLOW => Ok(true),
            _ => Err(Errno::INVAL),
        }
    }

    pub(super) fn path_open(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let (follow, path) = (self.follow(1)?, self.path(2)?);
        let (flags, rights, below) = (self.arg(4), self.arg_u64(5), self.arg_u64(6));
        let (fd_flags, result) = (self.arg(7), self.arg(8));
        // Before anything is opened: a bad pointer for the result must not leave a descriptor
        // behind.
        self.memory.slice(result, 4)?;
        let dir = self.wasi.descriptors.dir_to_open(self.arg(0))?.clone();
        let known = u32::from(rights::APPEND | rights::NONBLOCK | rights::SYNC);
        if flags & !(CREATE | DIRECTORY | EXCLUSIVE | TRUNCATE) != 0
            || fd_flags & !known != 0
            || (rights | below) & !rights::KNOWN != 0
        {
            return Err(Errno::INVAL);
        }
        let fd_flags = fd_flags as u16;
        // As in the reference. Nothing is lost: files are stored when the call ends, all of them or
        // none.
        if fd_flags & rights::SYNC != 0 {
            return Err(Errno::NOTSUP);
        }
        let options = OpenOptions {
            create: flags & CREATE != 0,
            exclusive: flags & EXCLUSIVE != 0,
            truncate: flags & TRUNCATE != 0,
            directory: flags & DIRECTORY != 0,
            follow,
        };
        let (read, write) = (rights & rights::READ != 0, rights & rights::WRITE != 0);
        if options.directory && (options.create || options.exclusive || options.truncate)
            || options.truncate && !write
        {
            return Err(Errno::INVAL);
        }
        self.wasi.descriptors.check_room()?;
        let (ino, directory) = dir.volume.look_up(&mut self.wasi.work, |tree| {
            let ino = tree.open(dir.ino, &path, options, now)?;
            let directory = tree.stat(ino)?.kind == Kind::Directory;
            // POSIX refuses to open a directory for writing.
            if directory && (write || fd_flags & rights::APPEND != 0) {
                tree.close(ino);
                return Err(FsError::IsDirectory);
            }
            Ok((ino, directory))
        })?;
        let descriptor = if directory {
            Descriptor::Directory {
                dir: Dir {
                    volume: dir.volume,
                    ino,
                },
                alias: None,
                listing: Listing::default(),
            }
        } else {
            Descriptor::File(File {
                volume: dir.volume,
                ino,
                offset: 0,
                flags: fd_flags,
                read,
                write,
            })
        };
        let fd = self.wasi.descriptors.add(descriptor);
        self.memory.write_u32(result, fd)
    }

    pub(super) fn path_filestat_get(&mut self) -> Result<(), Errno> {
        let (follow, path) = (self.follow(1)?, self.path(2)?);
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        let stat = dir.volume.look_up(&mut self.wasi.work, |tree| {
            tree.find(dir.ino, &path, follow)
                .and_then(|ino| tree.stat(ino))
        })?;
        let bytes = filestat(dir.volume.device(), stat);
        self.memory.write(self.arg(4), &bytes)
    }

    /// One more name for a file. As in the reference, a symbolic link is linked itself, and no flag
    /// asks for anything else.
    pub(super) fn path_link(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let (path, new_path) = (self.path(2)?, self.path(5)?);
        let from = self.wasi.descriptors.dir(self.arg(0))?;
        let to = self.wasi.descriptors.dir(self.arg(4))?;
        if self.follow(1)? {
            return Err(Errno::INVAL);
        }
        if !from.volume.is(&to.volume) {
            return Err(FsError::CrossVolume.into());
        }
        Ok(from.volume.look_up(&mut self.wasi.work, |tree| {
            tree.link(from.ino, &path, to.ino, &new_path, now)
        })?)
    }

    pub(super) fn path_symlink(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let (target, path) = (self.path(0)?, self.path(3)?);
        let dir = self.wasi.descriptors.dir(self.arg(2))?;
        let made = dir.volume.look_up(&mut self.wasi.work, |tree| {
            tree.make_link(&target, dir.ino, &path, now)
        });
        self.wasi.work += target.len() as u64;
        made?;
        Ok(())
    }

    /// The path that a symbolic link stands for, cut where the buffer ends.
    pub(super) fn path_readlink(&mut self) -> Result<(), Errno> {
        let path = self.path(1)?;
        let (pointer, len, done) = (self.arg(3), self.arg(4), self.arg(5));
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        let target = dir.volume.look_up(&mut self.wasi.work, |tree| {
            tree.target(dir.ino, &path).map(ToString::to_string)
        })?;
        let count = target.len().min(len as usize);
        self.memory.write(pointer, &target.as_bytes()[..count])?;
        self.memory.write_u32(done, count as u32)
    }

    pub(super) fn path_create_directory(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let path = self.path(1)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        dir.volume.look_up(&mut self.wasi.work, |tree| {
            tree.make_dir(dir.ino, &path, now)
        })?;
        Ok(())
    }

    pub(super) fn path_remove_directory(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let path = self.path(1)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        Ok(dir.volume.look_up(&mut self.wasi.work, |tree| {
            tree.remove_dir(dir.ino, &path, now)
        })?)
    }

    pub(super) fn path_unlink_file(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let path = self.path(1)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        Ok(dir
            .volume
            .look_up(&mut self.wasi.work, |tree| tree.unlink(dir.ino, &path, now))?)
    }

    pub(super) fn path_rename(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let (path, new_path) = (self.path(1)?, self.path(4)?);
        let from = self.wasi.descriptors.dir(self.arg(0))?;
        let to = self.wasi.descriptors.dir(self.arg(3))?;
        // A volume's changes are one batch of its own journal: a move across two could be torn by a
        // power cut.
        if !from.volume.is(&to.volume) {
            return Err(FsError::CrossVolume.into());
        }
        Ok(from.volume.look_up(&mut self.wasi.work, |tree| {
            tree.rename(from.ino, &path, to.ino, &new_path, now)
        })?)
    }
}
