//! Functions on descriptors.

use super::{
    Call, Errno,
    descriptors::{Descriptor, Listing, list},
};
use crate::vfs::{FsError, Kind, Stat};

const CHARACTER_DEVICE: u8 = 2;
pub(super) const DIRECTORY: u8 = 3;
pub(super) const REGULAR_FILE: u8 = 4;
const SYMBOLIC_LINK: u8 = 7;
/// The highest advice about how a file will be used.
const MAX_ADVICE: u32 = 5;

/// What taking a name into a listing costs, in bytes that are copied in the same time.
const LISTED: u64 = 64;

impl Call<'_> {
    pub(super) fn fd_close(&mut self) -> Result<(), Errno> {
        self.wasi.descriptors.close(self.arg(0))
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
            Descriptor::File(file) => filestat(
                file.volume.device(),
                file.volume.with(|tree| tree.stat(file.ino))?,
            ),
        };
        self.memory.write(self.arg(1), &bytes)
    }

    pub(super) fn fd_filestat_set_size(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let len = self.arg_u64(1);
        let Descriptor::File(file) = self.wasi.descriptors.get(self.arg(0))? else {
            return Err(Errno::BADF);
        };
        // Lengths are signed in the interface; a file that cannot be written is refused alike.
        if !file.write || i64::try_from(len).is_err() {
            return Err(Errno::INVAL);
        }
        let moved = file.volume.with(|tree| {
            let old = tree.stat(file.ino)?.size;
            tree.set_len(file.ino, len, now)?;
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

    /// Nothing to do: files are stored when the call ends, all of them or none.
    pub(super) fn fd_sync(&mut self) -> Result<(), Errno> {
        self.wasi.descriptors.get(self.arg(0)).map(|_| ())
    }

    /// Nothing to do, but the arguments must be right.
    pub(super) fn fd_advise(&mut self) -> Result<(), Errno> {
        let (len, advice) = (self.arg_u64(2), self.arg(3));
        let Descriptor::File(_) = self.wasi.descriptors.get(self.arg(0))? else {
            return Err(Errno::BADF);
        };
        match advice <= MAX_ADVICE && i64::try_from(len).is_ok() {
            true => Ok(()),
            false => Err(Errno::INVAL),
        }
    }

    /// As in the reference: a guest's library falls back to the file's length.
    pub(super) fn fd_allocate(&mut self) -> Result<(), Errno> {
        match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::Directory { .. } => Err(Errno::BADF),
            _ => Err(Errno::NOTSUP),
        }
    }

    /// Gives a descriptor another number, closing what has it.
    pub(super) fn fd_renumber(&mut self) -> Result<(), Errno> {
        let (from, to) = (self.arg(0), self.arg(1));
        self.wasi.descriptors.renumber(from, to)
    }

    /// Fills the buffer with entries from the cookie on; the last one may be cut off, which tells
    /// the guest to come back.
    pub(super) fn fd_readdir(&mut self) -> Result<(), Errno> {
        let (pointer, len, cookie, done) = (self.arg(1), self.arg(2), self.arg_u64(3), self.arg(4));
        let now = self.host.now();
        let (dir, listing, room) = self.wasi.descriptors.listing(self.arg(0))?;
        // Names in such a volume are secrets: see `Volume::unlisted`.
        if !dir.volume.is_listable(dir.ino) {
            return Err(Errno::ACCES);
        }
        if cookie == 0 {
            // Taken once and kept: cookies are positions in it, whatever the guest creates or
            // removes in between.
            *listing = Listing::default();
            *listing = list(dir, room)?;
            self.wasi.work += listing.entries.len() as u64 * LISTED;
            dir.volume.with(|tree| tree.note_read(dir.ino, now));
        }
        let buffer = self.memory.slice_mut(pointer, len)?;
        let mut used = 0;
        let start = usize::try_from(cookie).unwrap_or(usize::MAX);
        for (index, entry) in listing.entries.iter().enumerate().skip(start) {
            let mut head = [0; 24];
            head[0..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
            head[8..16].copy_from_slice(&entry.ino.to_le_bytes());
            head[16..20].copy_from_slice(&(entry.name.len() as u32).to_le_bytes());
            head[20] = file_type(entry.kind);
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
    put(40, stat.times.accessed);
    put(48, stat.times.modified);
    put(56, stat.times.changed);
    bytes[16] = file_type(stat.kind);
    bytes
}

fn file_type(kind: Kind) -> u8 {
    match kind {
        Kind::Directory => DIRECTORY,
        Kind::File => REGULAR_FILE,
        Kind::Link => SYMBOLIC_LINK,
    }
}
