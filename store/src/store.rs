//! The store's interface: open, read, commit, maintain.

use crate::batch::{Batch, Change, Namespace};
use crate::codec::Reader;
use crate::device::{BlockDevice, PAGE, Pages};
use crate::error::{Error, Refusal};
use crate::index::{self, CHUNK, Extent, FullKey, Index, Large, Value};
use crate::journal::Journal;
use crate::layout::{ChunkAt, Geometry, Limits, Mark, Superblock};
use crate::snapshot::{self, Writer};
use crate::space::Space;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Bound;

/// Freed extents that wait to be discarded: a longer queue drops the oldest, which costs the disk
/// a hint and nothing else.
const DISCARD_QUEUE: usize = 1024;

/// A store, open on a device.
pub struct Store<D: BlockDevice> {
    device: Pages<D>,
    limits: Limits,
    superblock: Superblock,
    index: Index,
    space: Space,
    journal: Journal,
    /// Pages of the snapshot that the superblock points to.
    snapshot: Vec<Extent>,
    writer: Option<Writer>,
    discards: VecDeque<Extent>,
    /// A write failed: nothing more is written until the store is opened again.
    poisoned: bool,
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Keys in the snapshot.
    pub loaded: u64,
    /// Batches replayed from the journal.
    pub replayed: u64,
}

/// A place where a value's bytes do not match their checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Namespace of the value.
    pub namespace: Namespace,
    /// Key of the value.
    pub key: Vec<u8>,
    /// First byte of the damaged 64 KiB.
    pub offset: u64,
}

/// How the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Keys.
    pub keys: u64,
    /// Bytes of the disk.
    pub capacity: u64,
    /// Bytes that are free for values.
    pub free: u64,
    /// Batches committed since the store was formatted.
    pub batches: u64,
    /// Bytes of journal in use, and of the whole journal.
    pub journal: (u64, u64),
    /// Bytes that the index takes in a snapshot: near to its memory.
    pub index: u64,
}

impl<D: BlockDevice> Store<D> {
    /// Makes an empty store; whatever the device held is gone. `id` must be random.
    pub fn format(device: D, limits: Limits, id: [u8; 16]) -> Result<Self, Error<D::Error>> {
        let mut device = Pages::new(device)?;
        let geometry = Geometry::choose(device.count())?;
        // Nothing of an older store may survive: not in the superblocks, not in the journal.
        let zeroes = alloc::vec![0; PAGE];
        for page in 0..geometry.data_start() {
            device.write(page, &zeroes)?;
        }
        // The superblock comes last: a cut before it leaves a device without a store, never half of
        // one.
        device.flush()?;
        let superblock = Superblock {
            generation: 1,
            id,
            geometry,
            snapshot: ChunkAt::default(),
            journal: Mark {
                position: 0,
                batch: 1,
                chain: 0,
            },
        };
        superblock.save(&mut device)?;
        Ok(Self::new(device, limits, superblock))
    }

    fn new(device: Pages<D>, limits: Limits, superblock: Superblock) -> Self {
        let geometry = superblock.geometry;
        Self {
            device,
            limits,
            superblock,
            index: Index::default(),
            space: Space::new(geometry.data_start(), geometry.pages),
            journal: Journal::new(superblock.id, geometry.journal_pages, superblock.journal),
            snapshot: Vec::new(),
            writer: None,
            discards: VecDeque::new(),
            poisoned: false,
        }
    }

    /// Whether the device holds a store, sound or damaged: whether any of its superblocks begins as
    /// one.
    pub fn is_on(device: &mut D) -> Result<bool, D::Error> {
        Superblock::any_on(device)
    }

    /// Opens the store that the device holds.
    pub fn open(device: D, limits: Limits) -> Result<(Self, Opened), Error<D::Error>> {
        let mut device = Pages::new(device)?;
        let superblock = Superblock::load(&mut device)?;
        let mut store = Self::new(device, limits, superblock);
        let geometry = superblock.geometry;
        let index = &mut store.index;
        // The snapshot first: the journal then sets again what changed since it was begun.
        store.snapshot = snapshot::load(
            &mut store.device,
            &geometry,
            superblock.generation,
            superblock.snapshot,
            |(key, value)| drop(index.apply(key, value)),
        )?;
        let loaded = store.index.entries.len() as u64;
        let index = &mut store.index;
        let replayed = store.journal.replay(&mut store.device, |payload| {
            let mut reader = Reader(payload);
            while !reader.is_empty() {
                let Some((key, value)) = index::decode(&mut reader, geometry.pages) else {
                    return false;
                };
                index.apply(key, value);
            }
            true
        })?;
        // Only now: until the last batch is replayed a page may belong to a value that is gone
        // since.
        store.rebuild_space()?;
        // What was read may still stand in the device's cache only: nobody must be shown a state
        // that a power cut takes away.
        store.device.flush()?;
        Ok((store, Opened { loaded, replayed }))
    }

    /// Takes the pages of all values and of the snapshot; two owners of one page mean damage.
    fn rebuild_space(&mut self) -> Result<(), Error<D::Error>> {
        let batch = self.journal.head().batch;
        let values = self.index.entries.values().filter_map(|value| match value {
            Value::Large(large) => Some(&large.extents),
            Value::Inline(_) => None,
        });
        for extent in values.flatten().chain(&self.snapshot) {
            if !self.space.take(extent.page, extent.count.into()) {
                return Err(Error::JournalDamaged(batch));
            }
        }
        Ok(())
    }

    /// The value of `key`, whole.
    pub fn get(
        &mut self,
        namespace: Namespace,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, Error<D::Error>> {
        let large = match self.index.entries.get(&(namespace, key.to_vec())) {
            None => return Ok(None),
            Some(Value::Inline(bytes)) => return Ok(Some(bytes.clone())),
            Some(Value::Large(large)) => large,
        };
        // The length was checked against the extents, so a damaged record asks for no more memory
        // than the disk has bytes.
        let mut bytes = Vec::with_capacity(large.length as usize);
        for number in 0..large.sums.len() as u64 {
            match read_chunk(&mut self.device, large, number)? {
                Some(chunk) => bytes.extend_from_slice(&chunk),
                None => return Err(damaged(namespace, key, number)),
            }
        }
        Ok(Some(bytes))
    }

    /// Length in bytes of the value of `key`, without reading it.
    pub fn value_len(&self, namespace: Namespace, key: &[u8]) -> Option<u64> {
        Some(match self.index.entries.get(&(namespace, key.to_vec()))? {
            Value::Inline(bytes) => bytes.len() as u64,
            Value::Large(large) => large.length,
        })
    }

    /// The 64 KiB number `number` of a value, checked: large values are read piece by piece. None
    /// behind the value's end.
    pub fn chunk(
        &mut self,
        namespace: Namespace,
        key: &[u8],
        number: u64,
    ) -> Result<Option<Vec<u8>>, Error<D::Error>> {
        match self.index.entries.get(&(namespace, key.to_vec())) {
            // A value in the index has no checksum of its own: the journal and the snapshot had
            // one.
            Some(Value::Inline(bytes)) => Ok((number == 0).then(|| bytes.clone())),
            Some(Value::Large(large)) if number < large.sums.len() as u64 => {
                let bytes = read_chunk(&mut self.device, large, number)?;
                bytes.map_or_else(
                    || Err(damaged(namespace, key, number)),
                    |bytes| Ok(Some(bytes)),
                )
            }
            _ => Ok(None),
        }
    }

    /// Keys of a namespace that begin with `prefix`, in order, each with its value's length.
    pub fn keys<'a>(
        &'a self,
        namespace: Namespace,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], u64)> {
        self.index
            .entries
            .range((
                Bound::Included((namespace, prefix.to_vec())),
                Bound::Unbounded,
            ))
            .take_while(move |((of, key), _)| *of == namespace && key.starts_with(prefix))
            .map(|((_, key), value)| match value {
                Value::Inline(bytes) => (key.as_slice(), bytes.len() as u64),
                Value::Large(large) => (key.as_slice(), large.length),
            })
    }

    /// Reads every large value once and gives the damaged places.
    pub fn check(&mut self) -> Result<Vec<Damaged>, Error<D::Error>> {
        let mut damaged = Vec::new();
        for ((namespace, key), value) in &self.index.entries {
            let Value::Large(large) = value else { continue };
            for number in 0..large.sums.len() as u64 {
                if read_chunk(&mut self.device, large, number)?.is_none() {
                    damaged.push(Damaged {
                        namespace: *namespace,
                        key: key.clone(),
                        offset: number * CHUNK as u64,
                    });
                }
            }
        }
        Ok(damaged)
    }

    /// How the store is.
    pub fn status(&self) -> Status {
        let bytes = |pages: u64| pages * PAGE as u64;
        Status {
            keys: self.index.entries.len() as u64,
            capacity: bytes(self.superblock.geometry.pages),
            free: bytes(
                self.space
                    .free()
                    .saturating_sub(self.reserve(self.index.encoded)),
            ),
            batches: self.journal.head().batch - 1,
            journal: (bytes(self.journal.used()), bytes(self.journal.pages())),
            index: self.index.encoded as u64,
        }
    }

    /// Commits a batch: when this returns `Ok`, all of it is durable. On [`Error::Refused`] nothing
    /// changed; on [`Error::Device`] the batch is there whole or not at all, which the next opening
    /// shows.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), Error<D::Error>> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        if batch.is_empty() {
            return Ok(());
        }
        // Refusals come before anything is written: what is staged after this is in memory only.
        self.check_room(batch)?;
        let mut staged = Vec::new();
        let result = self.write(batch, &mut staged);
        if let Err(error) = result {
            match error {
                // No value was written yet: its pages go back as if they had never been taken.
                Error::Refused(_) => staged.iter().for_each(|(_, value)| self.release(value)),
                // What reached the medium is not known. Only a new opening tells whether the batch
                // is there.
                _ => self.poisoned = true,
            }
            return Err(error);
        }
        for (key, value) in staged {
            // The old pages are free only now: until the record is durable, a cut brings the old
            // value back.
            let old = self.index.apply(key, value);
            self.release(&old);
        }
        self.poison_on_error(Self::pace)
    }

    /// Limits and space, before anything is touched.
    fn check_room(&self, batch: &Batch) -> Result<(), Refusal> {
        let (mut needed, mut grown, mut gone) = (0, 0, 0);
        for Change {
            namespace,
            key,
            value,
        } in &batch.changes
        {
            if key.len() > self.limits.key {
                return Err(Refusal::KeyTooLong(key.len()));
            }
            if let Some(old) = self.index.entries.get(&(*namespace, key.clone())) {
                gone += index::encoded_len(key, Some(old));
            }
            let Some(value) = value else { continue };
            let length = value.len() as u64;
            if length > self.limits.value {
                return Err(Refusal::ValueTooLong(length));
            }
            // An entry has up to 17 bytes of fixed fields, and 12 for each extent: 64 leaves room
            // for three extents.
            grown += 64 + key.len();
            if value.len() <= self.limits.inline {
                grown += value.len();
            } else {
                needed += index::pages_for(length);
                grown += value.len().div_ceil(CHUNK) * 4;
            }
        }
        // A batch that makes the index no larger passes on a full disk: it may free space.
        if needed > 0 || grown > gone {
            let reserve = self.reserve(self.index.encoded + grown);
            let free = self.space.free().saturating_sub(reserve);
            if needed > free || self.space.free() < reserve {
                return Err(Refusal::Full { needed, free });
            }
        }
        Ok(())
    }

    /// Pages kept for the next snapshot of an index of so many bytes.
    fn reserve(&self, encoded: usize) -> u64 {
        // A snapshot that is being written has some of its pages already.
        let taken = self.writer.as_ref().map_or(0, Writer::pages);
        snapshot::pages_for(&self.superblock.geometry, encoded).saturating_sub(taken)
    }

    /// Stages the values, writes them, writes the journal record.
    fn write(
        &mut self,
        batch: &Batch,
        staged: &mut Vec<(FullKey, Option<Value>)>,
    ) -> Result<(), Error<D::Error>> {
        let mut payload = Vec::new();
        for Change {
            namespace,
            key,
            value,
        } in &batch.changes
        {
            let key = (*namespace, key.clone());
            let value = match value {
                None => None,
                Some(bytes) if bytes.len() <= self.limits.inline => {
                    Some(Value::Inline(bytes.clone()))
                }
                Some(bytes) => Some(Value::Large(self.stage(bytes)?)),
            };
            index::encode(&key, value.as_ref(), &mut payload);
            staged.push((key, value));
        }
        // Before the snapshots below: none of them makes room for a record that is larger than its
        // share of the ring.
        let limit = self.journal.max_payload();
        if payload.len() > limit {
            return Err(Refusal::BatchTooLarge(payload.len(), limit).into());
        }
        // One snapshot frees all up to where it began; a second one frees the rest.
        for _ in 0..2 {
            if !self.journal.fits(payload.len()) {
                self.finish_snapshot()?;
            }
        }
        if !self.journal.fits(payload.len()) {
            // Both snapshots were given up, since no page was free for them.
            return Err(Refusal::Full { needed: 0, free: 0 }.into());
        }
        let mut large = false;
        for ((_, value), change) in staged.iter().zip(&batch.changes) {
            if let (Some(Value::Large(extents)), Some(bytes)) = (value, &change.value) {
                self.write_value(extents, bytes)?;
                large = true;
            }
        }
        if large {
            // The values must be durable before the record that names them: a disk may write what
            // is not flushed in any order. Without large values the record's own flush is the only
            // one.
            self.device.flush()?;
        }
        self.journal.append(&mut self.device, &payload)
    }

    fn stage(&mut self, bytes: &[u8]) -> Result<Large, Refusal> {
        let length = bytes.len() as u64;
        let needed = index::pages_for(length);
        let extents = self.space.allocate(needed).ok_or(Refusal::Full {
            needed,
            free: self.space.free(),
        })?;
        Ok(Large {
            length,
            extents,
            sums: bytes.chunks(CHUNK).map(crc32fast::hash).collect(),
        })
    }

    fn write_value(&mut self, large: &Large, bytes: &[u8]) -> Result<(), Error<D::Error>> {
        let mut rest = bytes;
        for extent in &large.extents {
            let (here, behind) = rest.split_at(rest.len().min(extent.count as usize * PAGE));
            rest = behind;
            let whole = here.len() / PAGE * PAGE;
            // Whole pages go out as they are. Only the last one is copied, to be padded.
            if whole > 0 {
                self.device.write(extent.page, &here[..whole])?;
            }
            if whole < here.len() {
                let mut last = here[whole..].to_vec();
                last.resize(PAGE, 0);
                self.device
                    .write(extent.page + (whole / PAGE) as u64, &last)?;
            }
        }
        Ok(())
    }

    fn release(&mut self, value: &Option<Value>) {
        let Some(Value::Large(large)) = value else {
            return;
        };
        for extent in &large.extents {
            self.free(*extent);
        }
    }

    fn free(&mut self, extent: Extent) {
        // A discard waits for `maintain`, so that no commit pays for it.
        self.space.release(extent.page, extent.count.into());
        if self.discards.len() == DISCARD_QUEUE {
            self.discards.pop_front();
        }
        self.discards.push_back(extent);
    }

    /// Keeps the journal from filling up: begins a snapshot when it is half full, and takes steps
    /// with the batches when the caller's [`Self::maintain`] does not keep up.
    fn pace(&mut self) -> Result<(), Error<D::Error>> {
        let (used, pages) = (self.journal.used(), self.journal.pages());
        if self.writer.is_none() && used > pages / 2 {
            // Half of the ring is left for batches while the snapshot is written in steps.
            self.begin_snapshot();
        }
        if self.writer.is_some() && used > pages * 3 / 4 {
            self.step_snapshot()?;
        }
        Ok(())
    }

    fn begin_snapshot(&mut self) {
        self.writer = Writer::begin(
            &self.superblock.geometry,
            &mut self.space,
            self.superblock.generation + 1,
            self.journal.head(),
        );
    }

    /// Writes one chunk, and the superblock behind the last one. Gives a snapshot up that finds no
    /// free page.
    fn step_snapshot(&mut self) -> Result<(), Error<D::Error>> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let geometry = self.superblock.geometry;
        // A device error here loses nothing that was committed: the superblock still names the old
        // snapshot.
        let step = writer.step(&mut self.device, &geometry, &self.index, &mut self.space)?;
        if step == Some(false) {
            return Ok(());
        }
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        if step.is_none() {
            writer
                .extents
                .into_iter()
                // No page was free. The old snapshot and the whole journal still serve, and the
                // next batch begins another snapshot.
                .for_each(|extent| self.free(extent));
            return Ok(());
        }
        self.superblock.generation += 1;
        self.superblock.snapshot = writer.head;
        self.superblock.journal = writer.mark;
        // This is the switch. Until it is durable a cut finds the old snapshot and the old tail, so
        // neither the journal behind the mark nor the old pages may be used before.
        self.superblock.save(&mut self.device)?;
        self.journal.forget(writer.mark);
        for extent in core::mem::replace(&mut self.snapshot, writer.extents) {
            self.free(extent);
        }
        Ok(())
    }

    fn finish_snapshot(&mut self) -> Result<(), Error<D::Error>> {
        if self.writer.is_none() {
            self.begin_snapshot();
        }
        while self.writer.is_some() {
            self.step_snapshot()?;
        }
        Ok(())
    }

    /// One bounded step of background work (at most one snapshot chunk or one discard); true when
    /// there is more to do.
    pub fn maintain(&mut self) -> Result<bool, Error<D::Error>> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        self.poison_on_error(|store| {
            if store.writer.is_some() {
                store.step_snapshot()?;
            } else if let Some(extent) = store.discards.pop_front()
                // The pages may hold a new value by now: a discard would destroy it.
                && store.space.is_free(extent.page, extent.count.into())
            {
                store.device.discard(extent.page, extent.count.into())?;
            }
            Ok(store.writer.is_some() || !store.discards.is_empty())
        })
    }

    fn poison_on_error<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error<D::Error>>,
    ) -> Result<T, Error<D::Error>> {
        let result = work(self);
        self.poisoned |= result.is_err();
        result
    }

    /// Writes a snapshot now, so that the next opening replays nothing.
    pub fn checkpoint(&mut self) -> Result<(), Error<D::Error>> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        self.poison_on_error(|store| {
            // A snapshot under way began in the past: finish it, then write one of now.
            if store.writer.is_some() {
                store.finish_snapshot()?;
            }
            store.finish_snapshot()
        })
    }

    /// Gives the device back.
    pub fn into_device(self) -> D {
        self.device.into_device()
    }
}

fn damaged<E>(namespace: Namespace, key: &[u8], number: u64) -> Error<E> {
    Error::ValueDamaged {
        namespace,
        key: key.to_vec(),
        offset: number * CHUNK as u64,
    }
}

/// Reads one chunk of a large value; none if it does not match its checksum.
fn read_chunk<D: BlockDevice>(
    device: &mut Pages<D>,
    large: &Large,
    number: u64,
) -> Result<Option<Vec<u8>>, Error<D::Error>> {
    // A chunk begins on a page, whatever extents the value has: see the assertion below.
    let pages_per_chunk = (CHUNK / PAGE) as u64;
    let length = (large.length - number * CHUNK as u64).min(CHUNK as u64);
    let pages = index::pages_for(length);
    let mut bytes = alloc::vec![0; pages as usize * PAGE];
    let mut at = 0;
    for extent in large.pages(number * pages_per_chunk, pages) {
        let end = at + extent.count as usize * PAGE;
        device.read(extent.page, &mut bytes[at..end])?;
        at = end;
    }
    // The padding of the last page is not part of the checksum.
    bytes.truncate(length as usize);
    Ok((crc32fast::hash(&bytes) == large.sums[number as usize]).then_some(bytes))
}

const _: () = assert!(CHUNK.is_multiple_of(PAGE));
