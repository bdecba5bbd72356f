//! Checked access to a guest's memory.

use alloc::vec::Vec;

use super::Errno;

/// Most buffers one vectored call looks at; a longer list is served in part, which the interface
/// allows.
const MAX_VECTORS: u32 = 1024;

/// A guest's memory; every access is checked, a bad pointer is `EFAULT`.
pub(super) struct Memory<'a>(pub(super) &'a mut [u8]);

impl Memory<'_> {
    pub(super) fn slice(&self, pointer: u32, len: u32) -> Result<&[u8], Errno> {
        let start = pointer as usize;
        // Two 32-bit numbers as `usize` of 64 bits: the sum cannot wrap.
        self.0.get(start..start + len as usize).ok_or(Errno::FAULT)
    }

    pub(super) fn slice_mut(&mut self, pointer: u32, len: u32) -> Result<&mut [u8], Errno> {
        let start = pointer as usize;
        self.0
            .get_mut(start..start + len as usize)
            .ok_or(Errno::FAULT)
    }

    pub(super) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Errno> {
        self.slice_mut(pointer, bytes.len() as u32)?
            .copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn read_u32(&self, pointer: u32) -> Result<u32, Errno> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.slice(pointer, 4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), Errno> {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, pointer: u32, value: u64) -> Result<(), Errno> {
        self.write(pointer, &value.to_le_bytes())
    }

    /// A text that the guest passes by pointer and length.
    pub(super) fn text(&self, pointer: u32, len: u32) -> Result<&str, Errno> {
        core::str::from_utf8(self.slice(pointer, len)?).map_err(|_| Errno::ILSEQ)
    }

    /// Buffers of a vectored call, as (pointer, length), all within memory and of at most `max`
    /// bytes together.
    pub(super) fn vectors(
        &self,
        pointer: u32,
        count: u32,
        max: u32,
    ) -> Result<Vec<(u32, u32)>, Errno> {
        let mut left = max;
        let mut vectors = Vec::new();
        for index in 0..count.min(MAX_VECTORS) {
            let at = pointer.checked_add(index * 8).ok_or(Errno::FAULT)?;
            let (start, len) = (
                self.read_u32(at)?,
                self.read_u32(at.checked_add(4).ok_or(Errno::FAULT)?)?,
            );
            // The whole buffer, although only a part of it may be used: a bad list fails at once.
            self.slice(start, len)?;
            let taken = len.min(left);
            vectors.push((start, taken));
            left -= taken;
            if left == 0 {
                break;
            }
        }
        Ok(vectors)
    }
}
