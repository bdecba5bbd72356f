//! Arguments and the environment.

use alloc::string::String;

use super::{Call, Errno, memory::Memory};

impl Call<'_> {
    pub(super) fn args_sizes_get(&mut self) -> Result<(), Errno> {
        let (count, bytes) = (self.arg(0), self.arg(1));
        sizes(&mut self.memory, &self.wasi.arguments, count, bytes)
    }

    pub(super) fn args_get(&mut self) -> Result<(), Errno> {
        let (table, at) = (self.arg(0), self.arg(1));
        texts(&mut self.memory, &self.wasi.arguments, table, at)
    }

    pub(super) fn environ_sizes_get(&mut self) -> Result<(), Errno> {
        let (count, bytes) = (self.arg(0), self.arg(1));
        sizes(&mut self.memory, &self.wasi.environment, count, bytes)
    }

    pub(super) fn environ_get(&mut self) -> Result<(), Errno> {
        let (table, at) = (self.arg(0), self.arg(1));
        texts(&mut self.memory, &self.wasi.environment, table, at)
    }
}

/// How many texts there are, and their bytes with the zeros after them.
fn sizes(memory: &mut Memory<'_>, texts: &[String], count: u32, bytes: u32) -> Result<(), Errno> {
    let total: usize = texts.iter().map(|text| text.len() + 1).sum();
    memory.write_u32(count, texts.len() as u32)?;
    memory.write_u32(bytes, total as u32)
}

/// A table of pointers, then zero-terminated texts.
fn texts(
    memory: &mut Memory<'_>,
    texts: &[String],
    mut table: u32,
    mut at: u32,
) -> Result<(), Errno> {
    for text in texts {
        memory.write_u32(table, at)?;
        memory.write(at, text.as_bytes())?;
        at = at.checked_add(text.len() as u32).ok_or(Errno::FAULT)?;
        memory.write(at, &[0])?;
        at = at.checked_add(1).ok_or(Errno::FAULT)?;
        table = table.checked_add(4).ok_or(Errno::FAULT)?;
    }
    Ok(())
}
