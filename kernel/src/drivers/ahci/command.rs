//! What stands in memory for a port: the command list, and a command with its pieces of data (AHCI
//! 1.3.1, section 4.2). Pure but for the memory it is written to.

use crate::drivers::dma::Dma;

/// Where things stand in a port's page, each aligned as it must be.
const LIST: usize = 0;
const RECEIVED: usize = 0x400;
const TABLE: usize = 0x500;
const PIECE: usize = TABLE + 0x80;
/// Data of the driver's own: answers and ranges.
pub(super) const SMALL: usize = 0x600;
/// Bytes of that.
pub(super) const SMALL_LEN: usize = 512;

/// ATA commands.
pub(super) mod code {
    pub(in super::super) const MANAGE: u8 = 0x06;
    pub(in super::super) const READ: u8 = 0x25;
    pub(in super::super) const WRITE: u8 = 0x35;
    pub(in super::super) const FLUSH: u8 = 0xea;
    pub(in super::super) const IDENTIFY: u8 = 0xec;
}

/// The feature of managing that says which blocks hold nothing.
const TRIM: u16 = 1;
/// Addresses are block numbers.
const BY_BLOCK: u8 = 0x40;
/// Kind of the structure that brings a command to the disk, and that it is a command.
const TO_DISK: [u8; 2] = [0x27, 0x80];
/// Words of that structure.
const WORDS: u32 = 5;
/// In the list: the disk is written to.
const WRITES: u32 = 1 << 6;
/// Most blocks of a range.
const RANGE: u64 = 0xffff;

/// A command for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) code: u8,
    pub(super) features: u16,
    pub(super) block: u64,
    pub(super) count: u16,
    /// Address and length of the data; none of length 0.
    pub(super) data: (u64, usize),
    pub(super) writes: bool,
}

impl Command {
    pub(super) const fn flush() -> Self {
        Self {
            code: code::FLUSH,
            features: 0,
            block: 0,
            count: 0,
            data: (0, 0),
            writes: false,
        }
    }

    pub(super) const fn identify(memory: u64) -> Self {
        Self {
            code: code::IDENTIFY,
            data: (memory, SMALL_LEN),
            ..Self::flush()
        }
    }

    /// Reads or writes `count` blocks, at most 65,536, which are told as 0.
    pub(super) const fn transfer(writes: bool, block: u64, count: u32, data: (u64, usize)) -> Self {
        Self {
            code: if writes { code::WRITE } else { code::READ },
            features: 0,
            block,
            count: count as u16,
            data,
            writes,
        }
    }

    /// Says that the ranges at `memory` hold nothing any more.
    pub(super) const fn trim(memory: u64) -> Self {
        Self {
            code: code::MANAGE,
            features: TRIM,
            block: 0,
            count: 1,
            data: (memory, SMALL_LEN),
            writes: true,
        }
    }

    /// The structure that brings it to the disk (register host to device).
    fn structure(&self) -> [u8; 20] {
        let block = self.block.to_le_bytes();
        let features = self.features.to_le_bytes();
        let count = self.count.to_le_bytes();
        let mut bytes = [0; 20];
        bytes[..2].copy_from_slice(&TO_DISK);
        (bytes[2], bytes[3]) = (self.code, features[0]);
        bytes[4..7].copy_from_slice(&block[..3]);
        bytes[7] = BY_BLOCK;
        bytes[8..11].copy_from_slice(&block[3..6]);
        (bytes[11], bytes[12], bytes[13]) = (features[1], count[0], count[1]);
        bytes
    }
}

/// A port's page.
pub(super) struct Page(Dma);

impl Page {
    pub(super) const fn new(memory: Dma) -> Self {
        Self(memory)
    }

    pub(super) const fn list(&self) -> u64 {
        self.0.address() + LIST as u64
    }

    pub(super) const fn received(&self) -> u64 {
        self.0.address() + RECEIVED as u64
    }

    pub(super) const fn small(&self) -> u64 {
        self.0.address() + SMALL as u64
    }

    /// Puts a command into the list's first place.
    pub(super) fn put(&mut self, command: &Command) {
        let (address, len) = command.data;
        let pieces = u32::from(len > 0);
        if len > 0 {
            self.0.store(PIECE, address as u32);
            self.0.store(PIECE + 4, (address >> 32) as u32);
            self.0.store(PIECE + 12, len as u32 - 1);
        }
        self.0.write(TABLE, &command.structure());
        let writes = if command.writes { WRITES } else { 0 };
        let table = self.0.address() + TABLE as u64;
        self.0.store(LIST, WORDS | writes | pieces << 16);
        self.0.store(LIST + 4, 0_u32);
        self.0.store(LIST + 8, table as u32);
        self.0.store(LIST + 12, (table >> 32) as u32);
    }

    /// The small data.
    pub(super) fn answer(&self) -> [u8; SMALL_LEN] {
        let mut bytes = [0; SMALL_LEN];
        self.0.read(SMALL, &mut bytes);
        bytes
    }

    /// Writes as many ranges as fit of `count` blocks from `block` on; gives the blocks that they
    /// cover.
    pub(super) fn put_ranges(&mut self, block: u64, count: u64) -> u64 {
        let mut bytes = [0; SMALL_LEN];
        let mut done = 0;
        for range in bytes.chunks_exact_mut(8) {
            let len = (count - done).min(RANGE);
            if len == 0 {
                break;
            }
            range.copy_from_slice(&((block + done) | len << 48).to_le_bytes());
            done += len;
        }
        self.0.write(SMALL, &bytes);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::dma;

    #[test]
    fn commands_are_laid_out_as_the_specification_says() {
        let command = Command::transfer(true, 0x0605_0403_0201, 0x10000, (0, 0));
        assert_eq!(
            command.structure(),
            [
                0x27, 0x80, 0x35, 0, 1, 2, 3, 0x40, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0
            ]
        );
        let trim = Command::trim(0).structure();
        assert_eq!((trim[2], trim[3], trim[12]), (0x06, 1, 1));
    }

    #[test]
    fn ranges_are_cut_to_what_fits() {
        dma::provide(1 << 14);
        let mut page = Page::new(Dma::new(4096).unwrap());
        assert_eq!(page.put_ranges(7, 5), 5);
        assert_eq!(page.answer()[..8], [7, 0, 0, 0, 0, 0, 5, 0]);
        assert_eq!(page.answer()[8..16], [0; 8]);
        assert_eq!(page.put_ranges(1, 100_000), 100_000);
        assert_eq!(page.answer()[8..16], [0, 0, 1, 0, 0, 0, 0xa1, 0x86]);
        assert_eq!(page.put_ranges(0, 1 << 32), 64 * 0xffff);
    }
}
