//! Functions on descriptors.

use super::{
    Call, Errno,
    descriptors::{Descriptor, list},
};
use crate::vfs::{FsError, Stat};

/// Bytes that one read or write moves at most; the rest is the guest's next call. Bounds the work
/// that lists of overlapping buffers ask for.
const MAX_TRANSFER: u32 = 16 << 20;
/// Rights of files and directories: all of them.
const ALL_RIGHTS: u64 = (1 << 29) - 1;
/// Rights of streams: read, write, poll; without seek they look like terminals to the guest's
/// library, as they do in the reference.
const STREAM_RIGHTS: u64 = (1 << 1) | (1 << 6) | (1 << 27);
const CHARACTER_DEVICE: u8 = 2;
const DIRECTORY: u8 = 3;
const REGULAR_FILE: u8 = 4;
/// Descriptor flag.
const APPEND: u16 = 1;

impl Call<'_> {
    pub(super) fn fd_close(&mut self) -> Result<(), Errno> {
        self.wasi.descriptors.close(self.arg(0))
    }

    pub(super) fn fd_fdstat_get(&mut self) -> Result<(), Errno> {
        let (kind, flags, rights) = match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::Input | Descriptor::Output(_) => (CHARACTER_DEVICE, 0, STREAM_RIGHTS),
            Descriptor::Directory { .. } => (DIRECTORY, 0, ALL_RIGHTS),
            Descriptor::File { append, .. } => {
                (REGULAR_FILE, if *append { APPEND } else { 0 }, ALL_RIGHTS)
            }
        };
        let mut stat = [0; 24];
        stat[0] = kind;
        stat[2..4].copy_from_slice(&flags.to_le_bytes());
        stat[8..16].copy_from_slice(&rights.to_le_bytes());
        stat[16..24].copy_from_slice(&rights.to_le_bytes());
        self.memory.write(self.arg(1), &stat)
    }

    pub(super) fn fd_filestat_get(&mut self) -> Result<(), Errno> {
        let bytes = match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::Input | Descriptor::Output(_) => {
                let mut bytes = [0; 64];
                bytes[16] = CHARACTER_DEVICE;
                bytes
            }
            Descriptor::Directory { dir, .. } => filestat(
                dir.volume.device(),
                dir.volume.with(|tree| tree.stat(dir.ino))?,
            ),
            Descriptor::File { volume, ino, .. } => {
                filestat(volume.device(), volume.with(|tree| tree.stat(*ino))?)
            }
        };
        self.memory.write(self.arg(1), &bytes)
    }

    pub(super) fn fd_filestat_set_size(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let len = self.arg_u64(1);
        let Descriptor::File {
            volume,
            ino,
            write: true,
            ..
        } = self.wasi.descriptors.get(self.arg(0))?
        else {
            return Err(Errno::BADF);
        };
        let moved = volume.with(|tree| {
            let old = tree.stat(*ino)?.size;
            tree.set_len(*ino, len, now)?;
            Ok::<u64, FsError>(len.saturating_sub(old))
        })?;
        self.wasi.work += moved;
        Ok(())
    }

    /// Kind of preopened thing (0: directory) and length of its name.
    pub(super) fn fd_prestat_get(&mut self) -> Result<(), Errno> {
        let len = self.alias()?.len() as u32;
        let at = self.arg(1);
        self.memory.write_u32(at, 0)?;
        self.memory
            .write_u32(at.checked_add(4).ok_or(Errno::FAULT)?, len)
    }

    pub(super) fn fd_prestat_dir_name(&mut self) -> Result<(), Errno> {
        let (pointer, len) = (self.arg(1), self.arg(2) as usize);
        let alias = match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::Directory {
                alias: Some(alias), ..
            } => alias,
            _ => return Err(Errno::BADF),
        };
        if alias.len() > len {
            return Err(Errno::NAMETOOLONG);
        }
        self.memory.write(pointer, alias.as_bytes())
    }

    fn alias(&self) -> Result<&str, Errno> {
        match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::Directory {
                alias: Some(alias), ..
            } => Ok(alias),
            _ => Err(Errno::BADF),
        }
    }

    pub(super) fn fd_read(&mut self) -> Result<(), Errno> {
        // Buffers are checked before anything is read, so that a bad pointer consumes nothing.
        let vectors = self
            .memory
            .vectors(self.arg(1), self.arg(2), MAX_TRANSFER)?;
        let done = self.arg(3);
        let mut total = 0;
        match self.wasi.descriptors.get_mut(self.arg(0))? {
            Descriptor::Input => {}
            Descriptor::File {
                volume,
                ino,
                offset,
                read: true,
                ..
            } => {
                for (pointer, len) in vectors {
                    let buffer = self.memory.slice_mut(pointer, len)?;
                    let count = volume.with(|tree| tree.read(*ino, *offset, buffer))? as u32;
                    *offset += u64::from(count);
                    total += count;
                    // The file ends here; the rest of the buffers stays as it is.
                    if count < len {
                        break;
                    }
                }
            }
            _ => return Err(Errno::BADF),
        }
        self.wasi.work += u64::from(total);
        self.memory.write_u32(done, total)
    }

    pub(super) fn fd_write(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let vectors = self
            .memory
            .vectors(self.arg(1), self.arg(2), MAX_TRANSFER)?;
        let done = self.arg(3);
        let mut total = 0;
        match self.wasi.descriptors.get_mut(self.arg(0))? {
            Descriptor::Output(stream) => {
                for (pointer, len) in vectors {
                    self.host
                        .output(&self.wasi.module, *stream, self.memory.slice(pointer, len)?);
                    total += len;
                }
            }
            Descriptor::File {
                volume,
                ino,
                offset,
                append,
                write: true,
                ..
            } => {
                for (pointer, len) in vectors.into_iter().filter(|(_, len)| *len > 0) {
                    let data = self.memory.slice(pointer, len)?;
                    let written = volume.with(|tree| {
                        // The end is looked up at each write: another descriptor may have written.
                        let at = if *append {
                            tree.stat(*ino)?.size
                        } else {
                            *offset
                        };
                        // Zeros that fill a gap are work, too, and the guest pays for them.
                        let gap = at.saturating_sub(tree.stat(*ino)?.size);
                        tree.write(*ino, at, data, now)?;
                        Ok::<_, FsError>((at + u64::from(len), gap))
                    });
                    match written {
                        Ok((end, gap)) => {
                            *offset = end;
                            total += len;
                            self.wasi.work += gap;
                        }
                        // What was written before stays written.
                        Err(_) if total > 0 => break,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            _ => return Err(Errno::BADF),
        }
        self.wasi.work += u64::from(total);
        self.memory.write_u32(done, total)
    }

    pub(super) fn fd_seek(&mut self) -> Result<(), Errno> {
        let (by, whence, result) = (self.arg_u64(1) as i64, self.arg(2), self.arg(3));
        let new = match self.wasi.descriptors.get_mut(self.arg(0))? {
            Descriptor::File {
                volume,
                ino,
                offset,
                ..
            } => {
                let base = match whence {
                    0 => 0,
                    1 => *offset,
                    2 => volume.with(|tree| tree.stat(*ino))?.size,
                    _ => return Err(Errno::INVAL),
                };
                let new = base
                    .checked_add_signed(by)
                    // Offsets are signed in the interface.
                    .filter(|new| i64::try_from(*new).is_ok());
                *offset = new.ok_or(Errno::INVAL)?;
                *offset
            }
            Descriptor::Directory { .. } => return Err(Errno::BADF),
            Descriptor::Input | Descriptor::Output(_) => return Err(Errno::SPIPE),
        };
        self.memory.write_u64(result, new)
    }

    /// Nothing to do: files are stored when the call ends, all of them or none.
    pub(super) fn fd_sync(&mut self) -> Result<(), Errno> {
        match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::File { .. } | Descriptor::Directory { .. } => Ok(()),
            Descriptor::Input | Descriptor::Output(_) => Err(Errno::BADF),
        }
    }

    /// Fills the buffer with entries from the cookie on; the last one may be cut off, which tells
    /// the guest to come back.
    pub(super) fn fd_readdir(&mut self) -> Result<(), Errno> {
        let (pointer, len, cookie, done) = (self.arg(1), self.arg(2), self.arg_u64(3), self.arg(4));
        let Descriptor::Directory { dir, listing, .. } =
            self.wasi.descriptors.get_mut(self.arg(0))?
        else {
            return Err(Errno::BADF);
        };
        // Names in such a volume are secrets: see `Volume::unlisted`.
        if !dir.volume.is_listable(dir.ino) {
            return Err(Errno::ACCES);
        }
        if cookie == 0 {
            // Taken once and kept: cookies are positions in it, whatever the guest creates or
            // removes in between.
            *listing = list(dir)?;
        }
        let buffer = self.memory.slice_mut(pointer, len)?;
        let mut used = 0;
        let start = usize::try_from(cookie).unwrap_or(usize::MAX);
        for (index, entry) in listing.iter().enumerate().skip(start) {
            let mut head = [0; 24];
            head[0..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
            head[8..16].copy_from_slice(&entry.ino.to_le_bytes());
            head[16..20].copy_from_slice(&(entry.name.len() as u32).to_le_bytes());
            head[20] = if entry.directory {
                DIRECTORY
            } else {
                REGULAR_FILE
            };
            for part in [&head[..], entry.name.as_bytes()] {
                // The interface wants an entry that does not fit to be cut, not left out.
                let count = part.len().min(buffer.len() - used);
                buffer[used..used + count].copy_from_slice(&part[..count]);
                used += count;
            }
            if used == buffer.len() {
                break;
            }
        }
        self.wasi.work += used as u64;
        self.memory.write_u32(done, used as u32)
    }
}

/// The 64 bytes of a `filestat`.
pub(super) fn filestat(device: u64, stat: Stat) -> [u8; 64] {
    let mut bytes = [0; 64];
    let mut put = |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(0, device);
    put(8, stat.ino);
    put(24, stat.links);
    put(32, stat.size);
    put(40, stat.mtime);
    put(48, stat.mtime);
    put(56, stat.mtime);
    bytes[16] = if stat.directory {
        DIRECTORY
    } else {
        REGULAR_FILE
    };
    bytes
}
