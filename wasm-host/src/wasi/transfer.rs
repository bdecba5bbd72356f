//! Reading, writing and where they happen.

use super::{
    Call, Errno,
    descriptors::{Descriptor, File},
    rights::APPEND,
};
use crate::vfs::FsError;

/// Bytes that one read or write moves at most; the rest is the guest's next call. Bounds the work
/// that lists of overlapping buffers ask for.
const MAX_TRANSFER: u32 = 16 << 20;

impl Call<'_> {
    pub(super) fn fd_read(&mut self) -> Result<(), Errno> {
        self.read(None, self.arg(3))
    }

    pub(super) fn fd_pread(&mut self) -> Result<(), Errno> {
        self.read(Some(self.arg_u64(3)), self.arg(4))
    }

    /// Reads at the descriptor's offset, which it moves, or at the given one.
    fn read(&mut self, at: Option<u64>, done: u32) -> Result<(), Errno> {
        let now = self.host.now();
        // Buffers are checked before anything is read, so that a bad pointer consumes nothing.
        let vectors = self
            .memory
            .vectors(self.arg(1), self.arg(2), MAX_TRANSFER)?;
        let mut total = 0;
        match self.wasi.descriptors.get_mut(self.arg(0))? {
            Descriptor::Input if at.is_none() => {}
            Descriptor::Input => return Err(Errno::SPIPE),
            Descriptor::File(file) if file.read => {
                check_offset(at, vectors.iter().map(|(_, len)| *len))?;
                let mut offset = at.unwrap_or(file.offset);
                for (pointer, len) in vectors {
                    let buffer = self.memory.slice_mut(pointer, len)?;
                    let read = file.volume.with(|tree| tree.read(file.ino, offset, buffer));
                    let count = read? as u32;
                    offset += u64::from(count);
                    total += count;
                    // The file ends here; the rest of the buffers stays as it is.
                    if count < len {
                        break;
                    }
                }
                if at.is_none() {
                    file.offset = offset;
                }
                if total > 0 {
                    file.volume.with(|tree| tree.note_read(file.ino, now));
                }
            }
            _ => return Err(Errno::BADF),
        }
        self.wasi.work += u64::from(total);
        self.memory.write_u32(done, total)
    }

    pub(super) fn fd_write(&mut self) -> Result<(), Errno> {
        self.write(None, self.arg(3))
    }

    pub(super) fn fd_pwrite(&mut self) -> Result<(), Errno> {
        self.write(Some(self.arg_u64(3)), self.arg(4))
    }

    /// Writes at the descriptor's offset, which it moves, or at the given one; at the end, if that
    /// is how the file was opened.
    fn write(&mut self, at: Option<u64>, done: u32) -> Result<(), Errno> {
        let now = self.host.now();
        let vectors = self
            .memory
            .vectors(self.arg(1), self.arg(2), MAX_TRANSFER)?;
        let mut total = 0;
        match self.wasi.descriptors.get_mut(self.arg(0))? {
            Descriptor::Output(stream) if at.is_none() => {
                for (pointer, len) in vectors {
                    self.host
                        .output(&self.wasi.module, *stream, self.memory.slice(pointer, len)?);
                    total += len;
                }
            }
            Descriptor::Output(_) => return Err(Errno::SPIPE),
            Descriptor::File(file) if file.write => {
                check_offset(at, vectors.iter().map(|(_, len)| *len))?;
                let mut offset = at.unwrap_or(file.offset);
                for (pointer, len) in vectors.into_iter().filter(|(_, len)| *len > 0) {
                    let data = self.memory.slice(pointer, len)?;
                    let File { volume, ino, .. } = file;
                    let append = file.flags & APPEND != 0;
                    let written = volume.with(|tree| {
                        // The end is looked up at each write: another descriptor may have written.
                        let size = tree.stat(*ino)?.size;
                        let at = if append { size } else { offset };
                        tree.write(*ino, at, data, now)?;
                        // Zeros that fill a gap are work, too, and the guest pays for them.
                        Ok::<_, FsError>((at + u64::from(len), at.saturating_sub(size)))
                    });
                    match written {
                        Ok((end, gap)) => {
                            offset = end;
                            total += len;
                            self.wasi.work += gap;
                        }
                        // What was written before stays written.
                        Err(_) if total > 0 => break,
                        Err(error) => return Err(error.into()),
                    }
                }
                if at.is_none() {
                    file.offset = offset;
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
            Descriptor::File(file) => {
                let base = match whence {
                    0 => 0,
                    1 => file.offset,
                    2 => file.volume.with(|tree| tree.stat(file.ino))?.size,
                    _ => return Err(Errno::INVAL),
                };
                let new = base
                    .checked_add_signed(by)
                    // Offsets are signed in the interface.
                    .filter(|new| i64::try_from(*new).is_ok());
                file.offset = new.ok_or(Errno::INVAL)?;
                file.offset
            }
            Descriptor::Directory { .. } => return Err(Errno::BADF),
            Descriptor::Input | Descriptor::Output(_) => return Err(Errno::SPIPE),
        };
        self.memory.write_u64(result, new)
    }

    pub(super) fn fd_tell(&mut self) -> Result<(), Errno> {
        let offset = match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::File(file) => file.offset,
            Descriptor::Directory { .. } => return Err(Errno::BADF),
            Descriptor::Input | Descriptor::Output(_) => return Err(Errno::SPIPE),
        };
        self.memory.write_u64(self.arg(1), offset)
    }
}

/// Offsets are signed in the interface, also where a transfer would end.
fn check_offset(at: Option<u64>, lens: impl Iterator<Item = u32>) -> Result<(), Errno> {
    let len: u64 = lens.map(u64::from).sum();
    let end = at.unwrap_or(0).checked_add(len);
    match end.is_some_and(|end| i64::try_from(end).is_ok()) {
        true => Ok(()),
        false => Err(Errno::INVAL),
    }
}
