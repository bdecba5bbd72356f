//! A disk in memory that never fails.

use basalt_store::BlockDevice;
use std::convert::Infallible;

#[derive(Clone)]
pub(crate) struct Memory<const BLOCK: usize>(pub(crate) Vec<u8>);

impl<const BLOCK: usize> BlockDevice for Memory<BLOCK> {
    type Error = Infallible;
    fn block_size(&self) -> usize {
        BLOCK
    }
    fn block_count(&self) -> u64 {
        (self.0.len() / BLOCK) as u64
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Infallible> {
        let at = block as usize * BLOCK;
        buf.copy_from_slice(&self.0[at..at + buf.len()]);
        Ok(())
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Infallible> {
        let at = block as usize * BLOCK;
        self.0[at..at + data.len()].copy_from_slice(data);
        Ok(())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
    fn discard(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}
