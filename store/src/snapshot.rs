//! Snapshots of the index: a chain of chunks, each written twice, in bounded steps.
//!
//! A snapshot is *fuzzy*: batches go on while it is written, so it holds some of their changes and
//! not others. That is sound because replay begins at the journal position where the snapshot
//! began, and setting or removing a key a second time changes nothing.

use crate::codec::{Put, Reader};
use crate::device::{BlockDevice, PAGE, Pages};
use crate::error::Error;
use crate::index::{self, Extent, FullKey, Index, Record};
use crate::layout::{ChunkAt, Geometry, Mark};
use crate::space::Space;
use alloc::vec::Vec;
use core::ops::Bound;

const MAGIC: u32 = u32::from_le_bytes(*b"snap");
// Magic, checksum, generation, number of the chunk, length, and both places of the next chunk.
const HEADER: usize = 40;

/// Bytes of index that one chunk holds.
fn capacity(geometry: &Geometry) -> usize {
    geometry.chunk_pages as usize * PAGE - HEADER
}

/// Pages that a snapshot of `encoded` bytes of index takes, both copies.
pub(crate) fn pages_for(geometry: &Geometry, encoded: usize) -> u64 {
    (encoded / capacity(geometry) + 1) as u64 * geometry.chunk_pages * 2
}

/// A snapshot being written.
#[derive(Debug)]
pub(crate) struct Writer {
    generation: u64,
    /// Where the journal stood when this began.
    pub(crate) mark: Mark,
    /// First chunk.
    pub(crate) head: ChunkAt,
    /// Pages taken so far.
    pub(crate) extents: Vec<Extent>,
    current: ChunkAt,
    chunks: u32,
    last_key: Option<FullKey>,
    buffer: Vec<u8>,
}

fn allocate(geometry: &Geometry, space: &mut Space, extents: &mut Vec<Extent>) -> Option<ChunkAt> {
    let mut one = || {
        let page = space.allocate_run(geometry.chunk_pages)?;
        extents.push(Extent {
            page,
            count: geometry.chunk_pages as u32,
        });
        Some(page)
    };
    Some(ChunkAt {
        page: one()?,
        copy: one()?,
    })
}

impl Writer {
    /// Begins a snapshot; none when there are no pages for its first chunk.
    pub(crate) fn begin(
        geometry: &Geometry,
        space: &mut Space,
        generation: u64,
        mark: Mark,
    ) -> Option<Self> {
        let mut extents = Vec::new();
        // The first chunk may have found room and its copy none.
        let Some(head) = allocate(geometry, space, &mut extents) else {
            extents
                .iter()
                .for_each(|extent| space.release(extent.page, extent.count.into()));
            return None;
        };
        Some(Self {
            generation,
            mark,
            head,
            extents,
            current: head,
            chunks: 0,
            last_key: None,
            buffer: Vec::new(),
        })
    }

    pub(crate) fn pages(&self) -> u64 {
        self.extents
            .iter()
            .map(|extent| u64::from(extent.count))
            .sum()
    }

    /// Writes one chunk. True: it was the last one, all of it is durable. None: no page is free.
    pub(crate) fn step<D: BlockDevice>(
        &mut self,
        device: &mut Pages<D>,
        geometry: &Geometry,
        index: &Index,
        space: &mut Space,
    ) -> Result<Option<bool>, Error<D::Error>> {
        let capacity = capacity(geometry);
        // Batches change the index between two steps, so the place in it is kept as a key.
        let from = self
            .last_key
            .as_ref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        let mut rest = index.entries.range((from, Bound::Unbounded));
        // Entries run on from chunk to chunk: what does not fit here begins the next one.
        while self.buffer.len() <= capacity {
            let Some((key, value)) = rest.next() else {
                break;
            };
            index::encode(key, Some(value), &mut self.buffer);
            last = Some(key);
        }
        if let Some(key) = last.cloned() {
            self.last_key = Some(key);
        }
        let done = self.buffer.len() <= capacity;
        // The chunk names the next one, whose pages are therefore taken first.
        let next = if done {
            ChunkAt::default()
        } else {
            match allocate(geometry, space, &mut self.extents) {
                Some(next) => next,
                None => return Ok(None),
            }
        };
        let length = self.buffer.len().min(capacity);
        let mut chunk = Vec::with_capacity(geometry.chunk_pages as usize * PAGE);
        chunk.put_u32(MAGIC);
        chunk.put_u32(0);
        chunk.put_u64(self.generation);
        chunk.put_u32(self.chunks);
        chunk.put_u32(length as u32);
        chunk.put_u64(next.page);
        chunk.put_u64(next.copy);
        chunk.put(&self.buffer[..length]);
        let sum = crc32fast::hash(&chunk[8..]);
        chunk[4..8].copy_from_slice(&sum.to_le_bytes());
        chunk.resize(geometry.chunk_pages as usize * PAGE, 0);
        // Two copies in two places: one damaged place loses nothing.
        device.write(self.current.page, &chunk)?;
        device.write(self.current.copy, &chunk)?;
        self.buffer.drain(..length);
        self.current = next;
        self.chunks += 1;
        if done {
            // Nothing leads to the chunks before the superblock does, so one flush behind the last
            // is enough.
            device.flush()?;
        }
        Ok(Some(done))
    }
}

/// Loads the snapshot that begins at `at`: its entries go to `load`; returns its pages.
pub(crate) fn load<D: BlockDevice>(
    device: &mut Pages<D>,
    geometry: &Geometry,
    generation: u64,
    mut at: ChunkAt,
    mut load: impl FnMut(Record),
) -> Result<Vec<Extent>, Error<D::Error>> {
    let mut extents = Vec::new();
    let mut bytes = Vec::new();
    let mut chunk = 0u32;
    while at.page != 0 {
        // The copy is read only where the first is damaged.
        let next = [at.page, at.copy].into_iter().find_map(|page| {
            read_chunk(device, geometry, generation, chunk, page, &mut bytes).transpose()
        });
        let next = next.transpose()?.ok_or(Error::SnapshotDamaged(chunk))?;
        for page in [at.page, at.copy] {
            // A damaged copy keeps its pages, too, until a new snapshot replaces both.
            extents.push(Extent {
                page,
                count: geometry.chunk_pages as u32,
            });
        }
        at = next;
        chunk += 1;
    }
    // All chunks first: an entry may begin in one and end in the next.
    let mut reader = Reader(&bytes);
    while !reader.is_empty() {
        load(index::decode(&mut reader, geometry.pages).ok_or(Error::SnapshotDamaged(0))?);
    }
    Ok(extents)
}

/// Appends one copy of a chunk to `out` and gives where the next chunk is; none if it is damaged.
fn read_chunk<D: BlockDevice>(
    device: &mut Pages<D>,
    geometry: &Geometry,
    generation: u64,
    chunk: u32,
    page: u64,
    out: &mut Vec<u8>,
) -> Result<Option<ChunkAt>, Error<D::Error>> {
    // A page number of the disk: outside of the data it counts as damage.
    if page < geometry.data_start() || page + geometry.chunk_pages > geometry.pages {
        return Ok(None);
    }
    let bytes = device.read_vec(page, geometry.chunk_pages as usize)?;
    Ok(
        parse_chunk(&bytes, generation, chunk).map(|(next, payload)| {
            out.extend_from_slice(payload);
            next
        }),
    )
}

fn parse_chunk(bytes: &[u8], generation: u64, chunk: u32) -> Option<(ChunkAt, &[u8])> {
    let mut reader = Reader(bytes);
    let (magic, sum) = (reader.u32()?, reader.u32()?);
    let (of, number, length) = (reader.u64()?, reader.u32()?, reader.u32()?);
    let next = ChunkAt {
        page: reader.u64()?,
        copy: reader.u64()?,
    };
    let payload = reader.bytes(length as usize)?;
    let whole = &bytes[8..HEADER + payload.len()];
    // A freed page may hold a sound chunk of an earlier snapshot, hence the generation. The number
    // ends a chain that leads back to itself.
    (magic == MAGIC && of == generation && number == chunk && crc32fast::hash(whole) == sum)
        .then_some((next, payload))
}
