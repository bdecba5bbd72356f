//! Times of files.

use super::{Call, Errno, descriptors::Descriptor};

const ACCESSED: u32 = 1;
const ACCESSED_NOW: u32 = 2;
const MODIFIED: u32 = 4;
const MODIFIED_NOW: u32 = 8;

impl Call<'_> {
    pub(super) fn fd_filestat_set_times(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let (accessed, modified) = self.times(1, now)?;
        match self.wasi.descriptors.get(self.arg(0))? {
            // A stream has none.
            Descriptor::Input | Descriptor::Output(_) => {}
            Descriptor::Directory { dir, .. } => dir
                .volume
                .with(|tree| tree.set_node_times(dir.ino, accessed, modified, now))?,
            Descriptor::File(file) => file
                .volume
                .with(|tree| tree.set_node_times(file.ino, accessed, modified, now))?,
        }
        Ok(())
    }

    pub(super) fn path_filestat_set_times(&mut self) -> Result<(), Errno> {
        let now = self.host.now();
        let (follow, path) = (self.follow(1)?, self.path(2)?);
        let (accessed, modified) = self.times(4, now)?;
        let dir = self.wasi.descriptors.dir(self.arg(0))?;
        dir.volume.look_up(&mut self.wasi.work, |tree| {
            let ino = tree.find(dir.ino, &path, follow)?;
            tree.set_node_times(ino, accessed, modified, now)
        })?;
        Ok(())
    }

    /// What the arguments from `index` on ask for: last reading, last change, flags.
    fn times(&self, index: usize, now: u64) -> Result<(Option<u64>, Option<u64>), Errno> {
        let flags = self.arg(index + 2);
        let one = |given: u32, present: u32, time: u64| match flags & (given | present) {
            0 => Ok(None),
            flag if flag == given => Ok(Some(time)),
            flag if flag == present => Ok(Some(now)),
            _ => Err(Errno::INVAL),
        };
        if flags & !(ACCESSED | ACCESSED_NOW | MODIFIED | MODIFIED_NOW) != 0 {
            return Err(Errno::INVAL);
        }
        Ok((
            one(ACCESSED, ACCESSED_NOW, self.arg_u64(index))?,
            one(MODIFIED, MODIFIED_NOW, self.arg_u64(index + 1))?,
        ))
    }
}
