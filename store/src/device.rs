//! What a disk must do for the store, and the page view that the store works on.

use crate::error::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A disk, or a partition of one.
///
/// The store assumes nothing about unflushed writes: any part of them, at a granularity of 512
/// bytes, in any order, may have reached the medium when power goes. After [`BlockDevice::flush`]
/// returned, all writes before it must be durable.
pub trait BlockDevice {
    /// What the device says when it fails.
    type Error: core::fmt::Display + core::fmt::Debug;

    /// Bytes of one block: 512 or 4096.
    fn block_size(&self) -> usize;
    /// Number of blocks.
    fn block_count(&self) -> u64;
    /// Reads `buf.len() / block_size` blocks from `block` on.
    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Self::Error>;
    /// Writes `data.len() / block_size` blocks from `block` on.
    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Self::Error>;
    /// Makes all writes before it durable. After one that fails the device either keeps what it
    /// gives back as written for the next flush, or does nothing any more: whoever opens the store
    /// again relies on that.
    fn flush(&mut self) -> Result<(), Self::Error>;
    /// Tells that the content of these blocks is no longer needed. May do nothing.
    fn discard(&mut self, block: u64, count: u64) -> Result<(), Self::Error>;
}

/// Whoever has a device in a box, or lends it, has a device.
macro_rules! forward {
    ($pointer:ty) => {
        impl<D: BlockDevice + ?Sized> BlockDevice for $pointer {
            type Error = D::Error;

            fn block_size(&self) -> usize {
                (**self).block_size()
            }
            fn block_count(&self) -> u64 {
                (**self).block_count()
            }
            fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
                (**self).read(block, buf)
            }
            fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Self::Error> {
                (**self).write(block, data)
            }
            fn flush(&mut self) -> Result<(), Self::Error> {
                (**self).flush()
            }
            fn discard(&mut self, block: u64, count: u64) -> Result<(), Self::Error> {
                (**self).discard(block, count)
            }
        }
    };
}

forward!(Box<D>);
forward!(&mut D);

/// Bytes of a page, the store's unit of allocation, whatever the device's block size.
pub(crate) const PAGE: usize = 4096;

/// A device seen as pages.
pub(crate) struct Pages<D> {
    device: D,
    blocks_per_page: u64,
}

impl<D: BlockDevice> Pages<D> {
    pub(crate) fn new(device: D) -> Result<Self, Error<D::Error>> {
        match device.block_size() {
            size @ (512 | 4096) => Ok(Self {
                blocks_per_page: (PAGE / size) as u64,
                device,
            }),
            size => Err(Error::BlockSize(size)),
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.device.block_count() / self.blocks_per_page
    }

    pub(crate) fn read(&mut self, page: u64, buf: &mut [u8]) -> Result<(), Error<D::Error>> {
        self.device
            .read(page * self.blocks_per_page, buf)
            .map_err(Error::Device)
    }

    /// Reads `count` pages into a fresh buffer.
    pub(crate) fn read_vec(&mut self, page: u64, count: usize) -> Result<Vec<u8>, Error<D::Error>> {
        let mut buf = alloc::vec![0; count * PAGE];
        self.read(page, &mut buf)?;
        Ok(buf)
    }

    /// Writes `data`, whose length is a multiple of the page size.
    pub(crate) fn write(&mut self, page: u64, data: &[u8]) -> Result<(), Error<D::Error>> {
        // A shorter last page would make the device refuse the write, or lose what stood behind it.
        debug_assert_eq!(data.len() % PAGE, 0);
        self.device
            .write(page * self.blocks_per_page, data)
            .map_err(Error::Device)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error<D::Error>> {
        self.device.flush().map_err(Error::Device)
    }

    pub(crate) fn discard(&mut self, page: u64, count: u64) -> Result<(), Error<D::Error>> {
        self.device
            .discard(page * self.blocks_per_page, count * self.blocks_per_page)
            .map_err(Error::Device)
    }

    pub(crate) fn into_device(self) -> D {
        self.device
    }
}
