//! Functions on paths. A path belongs to the directory whose descriptor comes with it and cannot
//! leave it.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::{Call, Errno, descriptors::Descriptor, fd::filestat};
use crate::vfs::{FsError, tree::OpenOptions};

const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
/// Descriptor flag.
const APPEND: u32 = 1;
const RIGHT_READ: u64 = 1 << 1;
/// Rights to write, to allocate, to set the size.
const RIGHTS_WRITE: u64 = (1 << 6) | (1 << 8) | (1 << 22);

impl Call<'_> {
    /// The path at arguments `index` (pointer) and `index + 1` (length).
    fn path(&self, index: usize) -> Result<String, Errno> {
        self.memory
            .text(self.arg(index), self.arg(index + 1))
            .map(ToString::to_string)
    }

    pub(super) fn path_open(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let path = self.path(2)?;
        let (flags, rights, fd_flags, result) =
            (self.arg(4), self.arg_u64(5), self.arg(7), self.arg(8));
        // Before anything is opened: a bad pointer for the result must not leave a descriptor
        // behind.
        self.memory.slice(result, 4)?;
        self.wasi.descriptors.check_room()?;
        let options = OpenOptions {
            create: flags & CREATE != 0,
            exclusive: flags & EXCLUSIVE != 0,
            truncate: flags & TRUNCATE != 0,
            directory: flags & DIRECTORY != 0,
        };
        if options.directory && (options.create || options.exclusive || options.truncate) {
            return Err(Errno::INVAL);
        }
        let (read, write) = (rights & RIGHT_READ != 0, rights & RIGHTS_WRITE != 0);
        let dir = self.wasi.descriptors.dir(self.arg(0))?.clone();
        let (ino, directory) = dir.volume.with(|tree| {
            let ino = tree.open(dir.ino, &path, options, now)?;
            let directory = tree.stat(ino)?.directory;
            // POSIX refuses to open a directory for writing.
            if directory && write && !options.directory {
                tree.close(ino);
                return Err(FsError::IsDirectory);
            }
            Ok((ino, directory))
        })?;
        let descriptor = if directory {
            Descriptor::Directory {
                dir: crate::vfs::Dir {
                    volume: dir.volume,
                    ino,
                },
                alias: None,
                listing: Vec::new(),
            }
        } else {
            Descriptor::File {
                volume: dir.volume,
                ino,
                offset: 0,
                append: fd_flags & APPEND != 0,
                read,
                write,
            }
        };
        let fd = self.wasi.descriptors.add(descriptor);
        self.memory.write_u32(result, fd)
    }

    pub(super) fn path_filestat_get(&mut self) -> Result<(), Errno> {
        let path = self.path(2)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        let stat = dir
            .volume
            .with(|tree| tree.lookup(dir.ino, &path).and_then(|ino| tree.stat(ino)))?;
        let bytes = filestat(dir.volume.device(), stat);
        self.memory.write(self.arg(4), &bytes)
    }

    pub(super) fn path_create_directory(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let path = self.path(1)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        dir.volume.with(|tree| tree.make_dir(dir.ino, &path, now))?;
        Ok(())
    }

    pub(super) fn path_remove_directory(&mut self) -> Result<(), Errno> {
        let path = self.path(1)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        Ok(dir.volume.with(|tree| tree.remove_dir(dir.ino, &path))?)
    }

    pub(super) fn path_unlink_file(&mut self) -> Result<(), Errno> {
        let path = self.path(1)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        Ok(dir.volume.with(|tree| tree.unlink(dir.ino, &path))?)
    }

    pub(super) fn path_rename(&mut self) -> Result<(), Errno> {
        let (path, new_path) = (self.path(1)?, self.path(4)?);
        let from = self.wasi.descriptors.dir(self.arg(0))?;
        let to = self.wasi.descriptors.dir(self.arg(3))?;
        // A volume's changes are one batch of its own journal: a move across two could be torn by a
        // power cut.
        if !from.volume.is(&to.volume) {
            return Err(FsError::CrossVolume.into());
        }
        Ok(from
            .volume
            .with(|tree| tree.rename(from.ino, &path, to.ino, &new_path))?)
    }
}
