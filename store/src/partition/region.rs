//! A part of a disk as a block device of its own.

use core::fmt;

use crate::BlockDevice;

/// Blocks of a device that somebody owns. No access reaches outside of them.
#[derive(Clone, Copy, Debug)]
pub struct Region<D> {
    device: D,
    first: u64,
    count: u64,
}

/// Why a region's access failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The device failed.
    Device(E),
    /// The access reaches outside the region: its first block, and how many it has.
    Outside(u64, u64),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => error.fmt(f),
            Self::Outside(block, count) => {
                write!(
                    f,
                    "{count} blocks from {block} on are not all in the partition"
                )
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}

impl<D: BlockDevice> Region<D> {
    /// The `count` blocks of `device` from `first` on; `None` if it has not all of them.
    pub fn new(device: D, first: u64, count: u64) -> Option<Self> {
        let end = first.checked_add(count)?;
        (end <= device.block_count()).then_some(Self {
            device,
            first,
            count,
        })
    }

    /// Gives the device back.
    pub fn into_device(self) -> D {
        self.device
    }

    /// The device's number of `block`, if `count` blocks from there on are the region's.
    fn place(&self, block: u64, count: u64) -> Result<u64, Error<D::Error>> {
        match block.checked_add(count) {
            Some(end) if end <= self.count => Ok(self.first + block),
            _ => Err(Error::Outside(block, count)),
        }
    }

    fn blocks(&self, bytes: usize) -> u64 {
        (bytes / self.device.block_size()) as u64
    }
}

impl<D: BlockDevice> BlockDevice for Region<D> {
    type Error = Error<D::Error>;

    fn block_size(&self) -> usize {
        self.device.block_size()
    }

    fn block_count(&self) -> u64 {
        self.count
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> Result<(), Self::Error> {
        let place = self.place(block, self.blocks(buf.len()))?;
        self.device.read(place, buf).map_err(Error::Device)
    }

    fn write(&mut self, block: u64, data: &[u8]) -> Result<(), Self::Error> {
        let place = self.place(block, self.blocks(data.len()))?;
        self.device.write(place, data).map_err(Error::Device)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.device.flush().map_err(Error::Device)
    }

    fn discard(&mut self, block: u64, count: u64) -> Result<(), Self::Error> {
        let place = self.place(block, count)?;
        self.device.discard(place, count).map_err(Error::Device)
    }
}
