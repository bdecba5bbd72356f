//! A disk in memory.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use basalt_store::BlockDevice;

/// A disk in memory; clones are the same one.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Mutex<Vec<u8>>>);

impl Disk {
    pub(crate) fn new(bytes: usize) -> Disk {
        Disk(Arc::new(Mutex::new(vec![0; bytes])))
    }
}

impl BlockDevice for Disk {
    type Error = Infallible;

    fn block_size(&self) -> usize {
        4096
    }
    fn block_count(&self) -> u64 {
        (self.0.lock().unwrap().len() / 4096) as u64
    }
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Infallible> {
        let start = block as usize * 4096;
        buf.copy_from_slice(&self.0.lock().unwrap()[start..start + buf.len()]);
        Ok(())
    }
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Infallible> {
        let start = block as usize * 4096;
        self.0.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
    fn discard(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}
