//! Arguments (there are none) and the environment.

use super::{Call, Errno};

impl Call<'_> {
    pub(super) fn args_sizes_get(&mut self) -> Result<(), Errno> {
        self.memory.write_u32(self.arg(0), 0)?;
        self.memory.write_u32(self.arg(1), 0)
    }

    pub(super) fn environ_sizes_get(&mut self) -> Result<(), Errno> {
        let bytes: usize = self
            .wasi
            .environment
            .iter()
            .map(|entry| entry.len() + 1)
            .sum();
        self.memory
            .write_u32(self.arg(0), self.wasi.environment.len() as u32)?;
        self.memory.write_u32(self.arg(1), bytes as u32)
    }

    /// A table of pointers, then zero-terminated entries.
    pub(super) fn environ_get(&mut self) -> Result<(), Errno> {
        let (mut table, mut at) = (self.arg(0), self.arg(1));
        for entry in &self.wasi.environment {
            self.memory.write_u32(table, at)?;
            self.memory.write(at, entry.as_bytes())?;
            at = at.checked_add(entry.len() as u32).ok_or(Errno::FAULT)?;
            self.memory.write(at, &[0])?;
            at = at.checked_add(1).ok_or(Errno::FAULT)?;
            table = table.checked_add(4).ok_or(Errno::FAULT)?;
        }
        Ok(())
    }
}
