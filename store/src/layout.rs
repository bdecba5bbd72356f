//! Where things stand on the disk, and the superblock that says so.
//!
//! ```text
//! page 0..4      superblock: generation g stands in pages g%2 and g%2+2, so that a torn write
//!                of one generation never touches the one before
//! page 4..4+J    journal, a ring
//! page 4+J..     extents of values and chunks of snapshots, as they come
//! ```

use crate::codec::{Put, Reader};
use crate::device::{BlockDevice, PAGE, Pages};
use crate::error::Error;
use alloc::vec::Vec;

/// What a store accepts. The defaults fit the appliance.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Values up to this many bytes live in the index, in memory; bounds the memory that many
    /// middle-sized values take. At most 65,535.
    pub inline: usize,
    /// Longest key, in bytes. At most 65,535.
    pub key: usize,
    /// Longest value, in bytes: one value must not take the whole disk or memory.
    pub value: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inline: 1024,
            key: 512,
            value: 64 * 1024 * 1024,
        }
    }
}

const SUPERBLOCK_COPIES: u64 = 4;
pub(crate) const JOURNAL_START: u64 = SUPERBLOCK_COPIES;
const MAGIC: u64 = u64::from_le_bytes(*b"basaltkv");
const VERSION: u32 = 1;
/// Below this a disk cannot hold journal, two snapshots and anything else.
const MIN_PAGES: u64 = 32;
/// Disks with fewer pages take small snapshot chunks.
const SMALL_DISK: u64 = 4096;

/// Sizes, chosen when the store is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) pages: u64,
    pub(crate) journal_pages: u64,
    pub(crate) chunk_pages: u64,
}

impl Geometry {
    /// A journal of a 64th of the disk, 8 pages to 64 MiB.
    pub(crate) fn choose<E>(pages: u64) -> Result<Self, Error<E>> {
        if pages < MIN_PAGES {
            return Err(Error::TooSmall(pages, MIN_PAGES));
        }
        // The journal is read whole at opening, so that it bounds the time of an opening, too.
        let journal_pages = (pages / 64).clamp(8, 16 * 1024);
        Ok(Self {
            pages,
            journal_pages,
            // Chunks of 64 KiB waste up to 128 KiB in their last pair: too much on a small disk.
            chunk_pages: if pages < SMALL_DISK { 1 } else { 16 },
        })
    }

    pub(crate) fn data_start(&self) -> u64 {
        JOURNAL_START + self.journal_pages
    }
}

/// A place in the journal, with what the record there must continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// Pages from the journal's beginning, counted on over all rounds of the ring.
    pub(crate) position: u64,
    /// Number of the batch that stands there.
    pub(crate) batch: u64,
    /// Checksum of the record before it.
    pub(crate) chain: u32,
}

/// First page of a snapshot chunk, and of its second copy. Page 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ChunkAt {
    pub(crate) page: u64,
    pub(crate) copy: u64,
}

/// The root of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub(crate) generation: u64,
    /// Random, drawn at formatting: enters every journal checksum, so that no value can contain
    /// bytes that look like a record of this store.
    pub(crate) id: [u8; 16],
    pub(crate) geometry: Geometry,
    pub(crate) snapshot: ChunkAt,
    /// Where replay begins.
    pub(crate) journal: Mark,
}

impl Superblock {
    /// Whether any page where a superblock may stand begins as one.
    pub(crate) fn any_on<D: BlockDevice>(device: &mut D) -> Result<bool, D::Error> {
        let size = device.block_size();
        let mut block = alloc::vec![0; size];
        for page in 0..SUPERBLOCK_COPIES {
            // Blocks, not pages: the device may be one that no store fits on.
            let at = page * (PAGE / size).max(1) as u64;
            if at >= device.block_count() {
                break;
            }
            device.read(at, &mut block)?;
            if block.starts_with(&MAGIC.to_le_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE);
        out.put_u64(MAGIC);
        out.put_u32(VERSION);
        out.put_u64(self.generation);
        out.put(&self.id);
        out.put_u64(self.geometry.pages);
        out.put_u64(self.geometry.journal_pages);
        out.put_u64(self.geometry.chunk_pages);
        out.put_u64(self.snapshot.page);
        out.put_u64(self.snapshot.copy);
        out.put_u64(self.journal.position);
        out.put_u64(self.journal.batch);
        out.put_u32(self.journal.chain);
        let sum = crc32fast::hash(&out);
        out.put_u32(sum);
        out.resize(PAGE, 0);
        out
    }

    /// None: not a superblock. An error: one of a later format.
    fn decode(bytes: &[u8]) -> Option<Result<Self, u32>> {
        let mut reader = Reader(bytes);
        if reader.u64()? != MAGIC {
            return None;
        }
        let version = reader.u32()?;
        if version != VERSION {
            return Some(Err(version));
        }
        let superblock = Self {
            generation: reader.u64()?,
            id: reader.bytes(16)?.try_into().ok()?,
            geometry: Geometry {
                pages: reader.u64()?,
                journal_pages: reader.u64()?,
                chunk_pages: reader.u64()?,
            },
            snapshot: ChunkAt {
                page: reader.u64()?,
                copy: reader.u64()?,
            },
            journal: Mark {
                position: reader.u64()?,
                batch: reader.u64()?,
                chain: reader.u32()?,
            },
        };
        let length = bytes.len() - reader.0.len();
        (reader.u32()? == crc32fast::hash(&bytes[..length])).then_some(Ok(superblock))
    }

    /// The newest valid superblock of the device.
    pub(crate) fn load<D: BlockDevice>(device: &mut Pages<D>) -> Result<Self, Error<D::Error>> {
        if device.count() < MIN_PAGES {
            return Err(Error::TooSmall(device.count(), MIN_PAGES));
        }
        // All four are read: which of them a cut has torn is not known.
        let mut newest: Option<Self> = None;
        let mut version = None;
        for page in 0..SUPERBLOCK_COPIES {
            match Self::decode(&device.read_vec(page, 1)?) {
                Some(Ok(found)) if newest.is_none_or(|n| n.generation < found.generation) => {
                    newest = Some(found);
                }
                Some(Err(later)) => version = Some(later),
                _ => {}
            }
        }
        // A later format counts only where no superblock of this one is left.
        let found = newest.ok_or(version.map_or(Error::NotAStore, Error::Version))?;
        let geometry = found.geometry;
        // The checksum tells of faults, not of forgery: sizes that `choose` never gives could lead
        // writes anywhere.
        let sound = geometry.pages >= MIN_PAGES
            && (8..=16 * 1024).contains(&geometry.journal_pages)
            && matches!(geometry.chunk_pages, 1 | 16)
            && geometry.data_start() < geometry.pages;
        if !sound {
            return Err(Error::NotAStore);
        }
        if geometry.pages > device.count() {
            return Err(Error::TooSmall(device.count(), geometry.pages));
        }
        Ok(found)
    }

    /// Writes both copies of this generation, durably.
    pub(crate) fn save<D: BlockDevice>(
        &self,
        device: &mut Pages<D>,
    ) -> Result<(), Error<D::Error>> {
        let bytes = self.encode();
        // One flush for both copies: a cut may tear both, and then the generation before serves,
        // which stands in the other slot.
        let slot = self.generation % 2;
        device.write(slot, &bytes)?;
        device.write(slot + 2, &bytes)?;
        device.flush()
    }
}
