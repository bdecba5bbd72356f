//! What a descriptor is said to allow. As in the reference, only reading and writing of files are
//! told apart; the flags are those that it was opened with or given later.

use super::{
    Call, Errno,
    descriptors::{Descriptor, File},
};

/// Right to read.
pub(super) const READ: u64 = 1 << 1;
/// Right to write.
pub(super) const WRITE: u64 = 1 << 6;
/// Rights that the standard names, of which a guest may ask for any.
pub(super) const KNOWN: u64 = (1 << 30) - 1;
/// Rights of a directory: all that its functions need. Without those to read, to write, to seek and
/// to resize, for guests' libraries tell directories from files by them.
const DIRECTORY: u64 = 0x7b7_fe00;
/// Rights of what is opened below a directory.
const BELOW: u64 = 0xff7_ffff;

/// Writes go to the end.
pub(super) const APPEND: u16 = 1;
/// Reads and writes do not wait; here they never do.
pub(super) const NONBLOCK: u16 = 4;
/// Writes are kept at once, with or without times, reads included: see [`Call::fd_sync`].
pub(super) const SYNC: u16 = 2 | 8 | 16;

const CHARACTER_DEVICE: u8 = 2;

impl Call<'_> {
    pub(super) fn fd_fdstat_get(&mut self) -> Result<(), Errno> {
        let (kind, flags, rights, below) = match self.wasi.descriptors.get(self.arg(0))? {
            Descriptor::Input => (CHARACTER_DEVICE, 0, READ, 0),
            Descriptor::Output(_) => (CHARACTER_DEVICE, APPEND, WRITE, 0),
            Descriptor::Directory { .. } => (super::fd::DIRECTORY, 0, DIRECTORY, BELOW),
            Descriptor::File(file) => (super::fd::REGULAR_FILE, file.flags, file.rights(), 0),
        };
        let mut stat = [0; 24];
        stat[0] = kind;
        stat[2..4].copy_from_slice(&flags.to_le_bytes());
        stat[8..16].copy_from_slice(&rights.to_le_bytes());
        stat[16..24].copy_from_slice(&below.to_le_bytes());
        self.memory.write(self.arg(1), &stat)
    }

    pub(super) fn fd_fdstat_set_flags(&mut self) -> Result<(), Errno> {
        let flags = self.arg(1) as u16;
        let Descriptor::File(file) = self.wasi.descriptors.get_mut(self.arg(0))? else {
            return Err(Errno::BADF);
        };
        // How writes are kept is settled when a file is opened.
        if flags & !(APPEND | NONBLOCK) != 0 {
            return Err(Errno::INVAL);
        }
        file.flags = flags;
        Ok(())
    }

    /// Takes rights away. Only those to read and to write a file are known; the others are as they
    /// are, whatever the guest asks for.
    pub(super) fn fd_fdstat_set_rights(&mut self) -> Result<(), Errno> {
        let rights = self.arg_u64(1);
        if let Descriptor::File(file) = self.wasi.descriptors.get_mut(self.arg(0))? {
            let kept = rights & (READ | WRITE);
            if kept & !file.rights() != 0 {
                return Err(Errno::NOTCAPABLE);
            }
            file.read = kept & READ != 0;
            file.write = kept & WRITE != 0;
        }
        Ok(())
    }
}

impl File {
    fn rights(&self) -> u64 {
        let read = if self.read { READ } else { 0 };
        let write = if self.write { WRITE } else { 0 };
        read | write
    }
}
