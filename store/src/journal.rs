//! The journal: one checksummed record for each batch, in a ring of pages.
//!
//! A record begins on a page of its own and is written once, so a torn write can only damage the
//! record that was not yet acknowledged. It carries the batch's number and the checksum of the
//! record before it: what an earlier round of the ring left behind never continues the chain.

use crate::codec::{Put, Reader};
use crate::device::{BlockDevice, PAGE, Pages};
use crate::error::Error;
use crate::layout::{JOURNAL_START, Mark};
use alloc::vec::Vec;

const MAGIC: u32 = u32::from_le_bytes(*b"btch");
// Magic, checksum, number of the batch, checksum of the record before, length of the payload.
const HEADER: usize = 24;

/// The journal's end in memory.
#[derive(Debug)]
pub(crate) struct Journal {
    id: [u8; 16],
    pages: u64,
    /// First record that replay needs.
    tail: Mark,
    /// Where the next record goes.
    head: Mark,
}

/// One record found on the disk.
struct Found {
    payload: Vec<u8>,
    sum: u32,
    pages: u64,
}

impl Journal {
    pub(crate) fn new(id: [u8; 16], pages: u64, tail: Mark) -> Self {
        Self {
            id,
            pages,
            tail,
            head: tail,
        }
    }

    /// Where the next record goes.
    pub(crate) fn head(&self) -> Mark {
        self.head
    }

    /// Pages between tail and head.
    pub(crate) fn used(&self) -> u64 {
        self.head.position - self.tail.position
    }

    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    /// Largest payload of a record: half of the ring, so that two always fit.
    pub(crate) fn max_payload(&self) -> usize {
        (self.pages / 2) as usize * PAGE - HEADER
    }

    /// Records before this mark are no longer needed.
    pub(crate) fn forget(&mut self, tail: Mark) {
        self.tail = tail;
    }

    /// Where a record of so many pages would begin: here, or at the ring's next beginning.
    fn place(&self, position: u64, pages: u64) -> u64 {
        // A record does not go on at the ring's beginning, so that it is one write and one read.
        // The pages that are skipped count as used.
        if position % self.pages + pages <= self.pages {
            position
        } else {
            position.next_multiple_of(self.pages)
        }
    }

    /// True when a record with this payload fits before the tail.
    pub(crate) fn fits(&self, payload: usize) -> bool {
        let pages = (HEADER + payload).div_ceil(PAGE) as u64;
        self.place(self.head.position, pages) + pages - self.tail.position <= self.pages
    }

    fn sum(&self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.id);
        hasher.update(bytes);
        hasher.finalize()
    }

    /// Appends a record, durably. The caller made sure that it fits.
    pub(crate) fn append<D: BlockDevice>(
        &mut self,
        device: &mut Pages<D>,
        payload: &[u8],
    ) -> Result<(), Error<D::Error>> {
        let mut record = Vec::with_capacity((HEADER + payload.len()).next_multiple_of(PAGE));
        record.put_u32(MAGIC);
        record.put_u32(0);
        record.put_u64(self.head.batch);
        record.put_u32(self.head.chain);
        record.put_u32(payload.len() as u32);
        record.put(payload);
        // The checksum covers number, chain and length: a record fits one place of one store only.
        let sum = self.sum(&record[8..]);
        record[4..8].copy_from_slice(&sum.to_le_bytes());
        record.resize(record.len().next_multiple_of(PAGE), 0);
        let pages = (record.len() / PAGE) as u64;
        let position = self.place(self.head.position, pages);
        device.write(JOURNAL_START + position % self.pages, &record)?;
        // This flush is the acknowledgement.
        device.flush()?;
        // Only a durable record moves the head.
        self.head = Mark {
            position: position + pages,
            batch: self.head.batch + 1,
            chain: sum,
        };
        Ok(())
    }

    /// Hands each batch from the tail on to `apply`; returns how many there were. A payload that
    /// `apply` refuses counts as damage.
    pub(crate) fn replay<D: BlockDevice>(
        &mut self,
        device: &mut Pages<D>,
        mut apply: impl FnMut(&[u8]) -> bool,
    ) -> Result<u64, Error<D::Error>> {
        let mut count = 0;
        loop {
            let here = self.head.position;
            let wrapped = here.next_multiple_of(self.pages);
            let mut found = self
                .read(device, here, self.head.batch)?
                .map(|record| (here, record));
            // The writer skips the ring's last pages where a record does not fit: see `place`.
            if found.is_none() && wrapped != here {
                found = self
                    .read(device, wrapped, self.head.batch)?
                    .map(|record| (wrapped, record));
            }
            let Some((position, record)) = found.filter(|(position, record)| {
                // What would reach over the tail is left from an earlier round.
                position + record.pages - self.tail.position <= self.pages
            }) else {
                break;
            };
            if !apply(&record.payload) {
                // The checksum holds, and yet the payload makes no sense: no fault of the disk
                // explains that.
                return Err(Error::JournalDamaged(self.head.batch));
            }
            self.head = Mark {
                position: position + record.pages,
                batch: self.head.batch + 1,
                chain: record.sum,
            };
            count += 1;
        }
        self.refuse_gap(device)?;
        Ok(count)
    }

    /// A batch is only written when the one before it was acknowledged. So a later batch behind the
    /// end of the chain means that an acknowledged record was damaged, and says so, rather than
    /// losing it in silence.
    fn refuse_gap<D: BlockDevice>(&self, device: &mut Pages<D>) -> Result<(), Error<D::Error>> {
        for position in self.head.position..self.tail.position + self.pages {
            // The number alone sorts out almost all pages: they are left from earlier rounds, or
            // are the middles of records.
            let start = device.read_vec(JOURNAL_START + position % self.pages, 1)?;
            let mut reader = Reader(&start);
            let (magic, _sum, batch) = (reader.u32(), reader.u32(), reader.u64());
            if let (Some(MAGIC), Some(batch)) = (magic, batch)
                && batch > self.head.batch
                // Its chain cannot be checked, since the record before it is the damaged one.
                && self.read_any(device, position, batch, None)?.is_some()
            {
                return Err(Error::JournalDamaged(self.head.batch));
            }
        }
        Ok(())
    }

    fn read<D: BlockDevice>(
        &self,
        device: &mut Pages<D>,
        position: u64,
        batch: u64,
    ) -> Result<Option<Found>, Error<D::Error>> {
        self.read_any(device, position, batch, Some(self.head.chain))
    }

    fn read_any<D: BlockDevice>(
        &self,
        device: &mut Pages<D>,
        position: u64,
        batch: u64,
        chain: Option<u32>,
    ) -> Result<Option<Found>, Error<D::Error>> {
        // One page first: most records are no longer, and the length must be checked before it is
        // believed.
        let offset = position % self.pages;
        let first = device.read_vec(JOURNAL_START + offset, 1)?;
        let mut reader = Reader(&first);
        let header = (
            reader.u32(),
            reader.u32(),
            reader.u64(),
            reader.u32(),
            reader.u32(),
        );
        let (Some(MAGIC), Some(sum), Some(number), Some(before), Some(length)) = header else {
            return Ok(None);
        };
        let length = length as usize;
        let fits = length <= self.max_payload()
            // A false length must neither ask for much memory nor read past the ring.
            && offset as usize * PAGE + HEADER + length <= self.pages as usize * PAGE;
        if number != batch || chain.is_some_and(|chain| chain != before) || !fits {
            return Ok(None);
        }
        let pages = (HEADER + length).div_ceil(PAGE);
        let mut bytes = match pages {
            1 => first,
            _ => device.read_vec(JOURNAL_START + offset, pages)?,
        };
        bytes.truncate(HEADER + length);
        if self.sum(&bytes[8..]) != sum {
            return Ok(None);
        }
        bytes.drain(..HEADER);
        Ok(Some(Found {
            payload: bytes,
            sum,
            pages: pages as u64,
        }))
    }
}
