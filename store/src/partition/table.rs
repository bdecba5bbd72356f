//! The GUID partition table: a header and an array of entries behind a protective MBR, and copies
//! of both at the disk's end (UEFI specification 2.10, section 5.3).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::Guid;
use crate::BlockDevice;

/// Most bytes of entries that are read: 32 times what tools write. Bounds the memory that a
/// hostile header can ask for.
const MAX_ARRAY: usize = 512 << 10;
/// Bytes of an entry, in tables made here; others have 128 times a power of two.
const ENTRY: usize = 128;
/// Bytes of the entries in tables made here: 128 of them.
const ARRAY: usize = 128 * ENTRY;
/// Bytes of a header that mean something.
const HEADER: usize = 92;
/// Partitions begin and end at multiples of this many bytes in tables made or extended here.
pub const GRANULE: u64 = 1 << 20;
/// Most UTF-16 units of a name.
const NAME: usize = 36;

const SIGNATURE: [u8; 8] = *b"EFI PART";
const REVISION: u32 = 0x0001_0000;
/// Type of the one record in a protective MBR.
const PROTECTIVE: u8 = 0xee;

/// Where things stand in a header, in an entry, and in the MBR.
mod field {
    pub(super) const REVISION: usize = 8;
    pub(super) const HEADER_SIZE: usize = 12;
    pub(super) const HEADER_CRC: usize = 16;
    pub(super) const THIS: usize = 24;
    pub(super) const OTHER: usize = 32;
    pub(super) const FIRST_USABLE: usize = 40;
    pub(super) const LAST_USABLE: usize = 48;
    pub(super) const DISK: usize = 56;
    pub(super) const ARRAY: usize = 72;
    pub(super) const COUNT: usize = 80;
    pub(super) const ENTRY_SIZE: usize = 84;
    pub(super) const ARRAY_CRC: usize = 88;

    pub(super) const ID: usize = 16;
    pub(super) const FIRST: usize = 32;
    pub(super) const LAST: usize = 40;
    pub(super) const NAME: usize = 56;

    pub(super) const RECORD: usize = 446;
    pub(super) const RECORD_SIZE: usize = 16;
    pub(super) const RECORD_TYPE: usize = RECORD + 4;
    pub(super) const RECORD_START: usize = RECORD + 8;
    pub(super) const RECORD_LENGTH: usize = RECORD + 12;
    pub(super) const MBR_SIGNATURE: usize = 510;
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// What it is for.
    pub kind: Guid,
    /// Which one it is.
    pub id: Guid,
    /// Its name, at most 36 UTF-16 units.
    pub name: String,
    /// First block.
    pub first: u64,
    /// Last block.
    pub last: u64,
}

impl Partition {
    /// Number of blocks.
    #[must_use]
    pub const fn blocks(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// What the first and last blocks of a disk hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A partition table.
    Table(Table),
    /// A partition table whose main copy is damaged: this is the one at the disk's end.
    Copy(Table),
    /// No partition table.
    Other,
}

/// A partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    disk: Guid,
    block_size: usize,
    first_usable: u64,
    last_usable: u64,
    /// Where the main array stands.
    array_at: u64,
    /// Where the header's copy stands.
    copy_at: u64,
    entry_size: usize,
    /// The entries as they are on the disk: what is in them and not understood here is kept.
    array: Vec<u8>,
}

impl Table {
    /// An empty table for a disk of `blocks` blocks of `block_size` bytes; `None` if it is too
    /// small.
    #[must_use]
    pub fn new(disk: Guid, blocks: u64, block_size: usize) -> Option<Self> {
        let array = ARRAY.div_ceil(block_size) as u64;
        let last_usable = blocks.checked_sub(array + 2)?;
        (last_usable >= 2 + array).then(|| Self {
            disk,
            block_size,
            first_usable: 2 + array,
            last_usable,
            array_at: 2,
            copy_at: blocks - 1,
            entry_size: ENTRY,
            array: vec![0; ARRAY],
        })
    }

    /// The blocks that partitions may use: first and last.
    #[must_use]
    pub const fn usable(&self) -> (u64, u64) {
        (self.first_usable, self.last_usable)
    }

    /// Adds a partition; `None` if it does not fit or its name is too long.
    pub fn add(&mut self, partition: &Partition) -> Option<()> {
        let fits = partition.first >= self.first_usable
            && partition.first <= partition.last
            && partition.last <= self.last_usable;
        let units: Vec<u16> = partition.name.encode_utf16().collect();
        let overlaps =
            |other: Partition| other.first <= partition.last && partition.first <= other.last;
        if !fits || units.len() > NAME || self.partitions().any(overlaps) {
            return None;
        }
        // Entries of other tools keep their places: only an unused one is written.
        let free = self
            .array
            .chunks_exact_mut(self.entry_size)
            .find(|entry| entry[..16] == Guid::ZERO.0)?;
        free.fill(0);
        free[..16].copy_from_slice(&partition.kind.0);
        free[field::ID..][..16].copy_from_slice(&partition.id.0);
        put_u64(free, field::FIRST, partition.first);
        put_u64(free, field::LAST, partition.last);
        for (place, unit) in free[field::NAME..].chunks_exact_mut(2).zip(units) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
        Some(())
    }

    /// The partitions, in the order of their entries.
    pub fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.array
            .chunks_exact(self.entry_size)
            .filter(|entry| entry[..16] != Guid::ZERO.0)
            .map(|entry| {
                let name = entry[field::NAME..ENTRY]
                    .chunks_exact(2)
                    .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                    .take_while(|&unit| unit != 0);
                Partition {
                    kind: guid(entry, 0),
                    id: guid(entry, field::ID),
                    name: char::decode_utf16(name)
                        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                        .collect(),
                    first: get_u64(entry, field::FIRST),
                    last: get_u64(entry, field::LAST),
                }
            })
    }

    /// Reads the table of a disk.
    ///
    /// # Errors
    /// When the device cannot be read.
    pub fn read<D: BlockDevice>(device: &mut D) -> Result<Content, D::Error> {
        let blocks = device.block_count();
        // Without its protective MBR a table is what an older use of the disk has left.
        if blocks == 0 || !Self::is_protected(device)? {
            return Ok(Content::Other);
        }
        if let Some(table) = Self::read_at(device, 1, blocks)? {
            return Ok(Content::Table(table));
        }
        let copy = Self::read_at(device, blocks - 1, blocks)?;
        Ok(copy.map_or(Content::Other, Content::Copy))
    }

    fn is_protected<D: BlockDevice>(device: &mut D) -> Result<bool, D::Error> {
        let mut block = vec![0; device.block_size()];
        device.read(0, &mut block)?;
        let kinds = block[field::RECORD_TYPE..]
            .iter()
            .step_by(field::RECORD_SIZE);
        Ok(block[field::MBR_SIGNATURE..][..2] == [0x55, 0xaa]
            && kinds.take(4).any(|&kind| kind == PROTECTIVE))
    }

    fn read_at<D: BlockDevice>(
        device: &mut D,
        at: u64,
        blocks: u64,
    ) -> Result<Option<Self>, D::Error> {
        let mut header = vec![0; device.block_size()];
        if at >= blocks {
            return Ok(None);
        }
        device.read(at, &mut header)?;
        let Some(mut table) = Self::of_header(&header, at, blocks) else {
            return Ok(None);
        };
        let array_at = get_u64(&header, field::ARRAY);
        let mut array = vec![0; table.array.len().next_multiple_of(header.len())];
        device.read(array_at, &mut array)?;
        array.truncate(table.array.len());
        table.array = array;
        let sound = crc32fast::hash(&table.array) == get_u32(&header, field::ARRAY_CRC)
            && table.is_disjoint();
        Ok(sound.then_some(table))
    }

    /// The table of the header in block `at` of `blocks`, its entries still to be read.
    fn of_header(header: &[u8], at: u64, blocks: u64) -> Option<Self> {
        let block_size = header.len();
        let size = get_u32(header, field::HEADER_SIZE) as usize;
        if header[..8] != SIGNATURE
            || get_u32(header, field::REVISION) != REVISION
            || !(HEADER..=block_size).contains(&size)
        {
            return None;
        }
        let mut checked = header[..size].to_vec();
        // The sum is made with its own field as zero (section 5.3.2).
        put_u32(&mut checked, field::HEADER_CRC, 0);
        if crc32fast::hash(&checked) != get_u32(header, field::HEADER_CRC)
            // A header that was copied from elsewhere says where it belongs.
            || get_u64(header, field::THIS) != at
        {
            return None;
        }
        let entry_size = get_u32(header, field::ENTRY_SIZE) as usize;
        let array = (get_u32(header, field::COUNT) as usize)
            .checked_mul(entry_size)
            // Before anything is read: the header decides how much memory the entries take.
            .filter(|&len| (1..=MAX_ARRAY).contains(&len))?;
        if entry_size < ENTRY || !(entry_size / ENTRY).is_power_of_two() {
            return None;
        }
        let array_blocks = array.div_ceil(block_size) as u64;
        let found_at = get_u64(header, field::ARRAY);
        let (first_usable, last_usable) = (
            get_u64(header, field::FIRST_USABLE),
            get_u64(header, field::LAST_USABLE),
        );
        let is_main = at == 1;
        let (array_at, copy_at) = match is_main {
            true => (found_at, get_u64(header, field::OTHER)),
            // The copy names its own array only. The main one goes to block 2, as in tables made
            // here.
            false => (2, at),
        };
        let main_end = array_at.checked_add(array_blocks)?;
        let sound = array_at >= 2
            && main_end <= first_usable
            && first_usable <= last_usable
            && last_usable < copy_at
            && copy_at < blocks
            && (is_main || (found_at > last_usable && found_at.checked_add(array_blocks)? <= at));
        sound.then(|| Self {
            disk: guid(header, field::DISK),
            block_size,
            first_usable,
            last_usable,
            array_at,
            copy_at,
            entry_size,
            array: vec![0; array],
        })
    }

    /// Whether every partition has blocks, all of them usable, none of them another's.
    fn is_disjoint(&self) -> bool {
        let mut spans: Vec<(u64, u64)> = self
            .partitions()
            .map(|partition| (partition.first, partition.last))
            .collect();
        spans.sort_unstable();
        let inside = |&(first, last): &(u64, u64)| {
            self.first_usable <= first && first <= last && last <= self.last_usable
        };
        spans.iter().all(inside) && spans.is_sorted_by(|before, after| before.1 < after.0)
    }

    /// Whether the disk of `blocks` blocks goes on behind the table's copy: the table was made for
    /// a smaller one.
    #[must_use]
    pub const fn is_outgrown(&self, blocks: u64) -> bool {
        self.copy_at < blocks - 1
    }

    /// Moves the table's copy to the end of a disk of `blocks` blocks and lets the partition `id`
    /// reach up to it; `None`, and nothing changed, if it is not the last partition or there is
    /// nothing to be gained.
    pub fn extend(&mut self, id: Guid, blocks: u64) -> Option<Partition> {
        let granule = GRANULE / self.block_size as u64;
        let array = self.array.len().div_ceil(self.block_size) as u64;
        let last_usable = blocks.checked_sub(array + 2)?;
        let last = ((last_usable + 1) / granule * granule).checked_sub(1)?;
        let partition = self.partitions().find(|partition| partition.id == id)?;
        let is_behind = |other: Partition| other.first > partition.first;
        // No partition is ever moved, so only the last one can grow.
        if last <= partition.last || self.partitions().any(is_behind) {
            return None;
        }
        let entry = self
            .array
            .chunks_exact_mut(self.entry_size)
            .find(|entry| entry[..16] != Guid::ZERO.0 && guid(entry, field::ID) == id)?;
        put_u64(entry, field::LAST, last);
        self.last_usable = last_usable;
        self.copy_at = blocks - 1;
        Some(Partition { last, ..partition })
    }

    /// The table's parts and the blocks where they belong, the copy first: written in this order,
    /// with a flush between the second and the third, one of the two is whole at any time.
    #[must_use]
    pub fn parts(&self) -> [(u64, Vec<u8>); 4] {
        let mut array = self.array.clone();
        array.resize(array.len().next_multiple_of(self.block_size), 0);
        let copy_array_at = self.copy_at - (array.len() / self.block_size) as u64;
        [
            (copy_array_at, array.clone()),
            (self.copy_at, self.header(self.copy_at, 1, copy_array_at)),
            (self.array_at, array),
            (1, self.header(1, self.copy_at, self.array_at)),
        ]
    }

    fn header(&self, this: u64, other: u64, array_at: u64) -> Vec<u8> {
        let mut header = vec![0; self.block_size];
        header[..8].copy_from_slice(&SIGNATURE);
        put_u32(&mut header, field::REVISION, REVISION);
        put_u32(&mut header, field::HEADER_SIZE, HEADER as u32);
        put_u64(&mut header, field::THIS, this);
        put_u64(&mut header, field::OTHER, other);
        put_u64(&mut header, field::FIRST_USABLE, self.first_usable);
        put_u64(&mut header, field::LAST_USABLE, self.last_usable);
        header[field::DISK..][..16].copy_from_slice(&self.disk.0);
        put_u64(&mut header, field::ARRAY, array_at);
        let count = self.array.len() / self.entry_size;
        put_u32(&mut header, field::COUNT, count as u32);
        put_u32(&mut header, field::ENTRY_SIZE, self.entry_size as u32);
        put_u32(&mut header, field::ARRAY_CRC, crc32fast::hash(&self.array));
        let crc = crc32fast::hash(&header[..HEADER]);
        put_u32(&mut header, field::HEADER_CRC, crc);
        header
    }

    /// The block 0 of a disk with this table: to tools that know no GUID partition tables, one
    /// partition that fills the disk.
    #[must_use]
    pub fn protective_mbr(&self) -> Vec<u8> {
        let mut block = vec![0; self.block_size];
        // Cylinder 0, head 0, sector 2 to as far as the notation goes.
        block[field::RECORD + 1..][..3].copy_from_slice(&[0, 2, 0]);
        block[field::RECORD + 5..][..3].fill(0xff);
        block[field::RECORD_TYPE] = PROTECTIVE;
        put_u32(&mut block, field::RECORD_START, 1);
        put_u32(&mut block, field::RECORD_LENGTH, self.mbr_length());
        block[field::MBR_SIGNATURE..][..2].copy_from_slice(&[0x55, 0xaa]);
        block
    }

    fn mbr_length(&self) -> u32 {
        u32::try_from(self.copy_at).unwrap_or(u32::MAX)
    }

    /// Writes the table to a disk that has an older state of it; of block 0 only the length of the
    /// protective record changes. A power cut at any moment leaves a table that can be read.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update<D: BlockDevice>(&self, device: &mut D) -> Result<(), D::Error> {
        let [copy_array, copy, array, header] = self.parts();
        for part in [[copy_array, copy], [array, header]] {
            for (block, bytes) in part {
                device.write(block, &bytes)?;
            }
            device.flush()?;
        }
        let mut block = vec![0; self.block_size];
        // The rest of block 0 may hold a boot loader of somebody else.
        device.read(0, &mut block)?;
        if block[field::RECORD_TYPE] == PROTECTIVE {
            put_u32(&mut block, field::RECORD_LENGTH, self.mbr_length());
            device.write(0, &block)?;
            device.flush()?;
        }
        Ok(())
    }

    /// Writes the table to a disk that has none, block 0 included.
    ///
    /// # Errors
    /// When the device fails.
    pub fn create<D: BlockDevice>(&self, device: &mut D) -> Result<(), D::Error> {
        device.write(0, &self.protective_mbr())?;
        self.update(device)
    }
}

fn guid(bytes: &[u8], at: usize) -> Guid {
    let mut guid = Guid::ZERO;
    guid.0.copy_from_slice(&bytes[at..at + 16]);
    guid
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
