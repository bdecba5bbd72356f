//! The index: what is stored where. Entries have one byte form, used by journal and snapshot.

use crate::batch::Namespace;
use crate::codec::{Put, Reader};
use crate::device::PAGE;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Bytes of a large value that share one checksum, and the unit of streaming reads.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Namespace and key.
pub(crate) type FullKey = (Namespace, Vec<u8>);

/// A run of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) page: u64,
    pub(crate) count: u32,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Here.
    Inline(Vec<u8>),
    /// On the disk.
    Large(Large),
}

/// A value on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Large {
    /// Bytes of the value.
    pub(crate) length: u64,
    /// Its pages, in order; together exactly as many as the length needs.
    pub(crate) extents: Vec<Extent>,
    /// CRC-32 of each [`CHUNK`] of the value.
    pub(crate) sums: Vec<u32>,
}

impl Large {
    /// The extents of the pages from `first` on, `count` of them, cut out of the value's extents.
    pub(crate) fn pages(&self, first: u64, count: u64) -> impl Iterator<Item = Extent> + '_ {
        let mut skip = first;
        let mut left = count;
        self.extents.iter().filter_map(move |extent| {
            let length = u64::from(extent.count);
            if left == 0 || skip >= length {
                skip = skip.saturating_sub(length);
                return None;
            }
            let taken = (length - skip).min(left);
            let part = Extent {
                page: extent.page + skip,
                count: taken as u32,
            };
            skip = 0;
            left -= taken;
            Some(part)
        })
    }
}

/// Pages that a value of `length` bytes takes.
pub(crate) fn pages_for(length: u64) -> u64 {
    length.div_ceil(PAGE as u64)
}

/// One change as journal and snapshot hold it: the new value, or none for a removal.
pub(crate) type Record = (FullKey, Option<Value>);

const REMOVED: u8 = 0;
const INLINE: u8 = 1;
const LARGE: u8 = 2;

/// Appends the byte form of a change.
pub(crate) fn encode(key: &FullKey, value: Option<&Value>, out: &mut Vec<u8>) {
    out.put_u16(key.0.0);
    out.put_u16(key.1.len() as u16);
    out.put(&key.1);
    match value {
        None => out.put_u8(REMOVED),
        Some(Value::Inline(bytes)) => {
            out.put_u8(INLINE);
            out.put_u16(bytes.len() as u16);
            out.put(bytes);
        }
        Some(Value::Large(large)) => {
            out.put_u8(LARGE);
            out.put_u64(large.length);
            out.put_u32(large.extents.len() as u32);
            for extent in &large.extents {
                out.put_u64(extent.page);
                out.put_u32(extent.count);
            }
            for sum in &large.sums {
                out.put_u32(*sum);
            }
        }
    }
}

/// Bytes that [`encode`] appends.
pub(crate) fn encoded_len(key: &[u8], value: Option<&Value>) -> usize {
    5 + key.len()
        + match value {
            None => 0,
            Some(Value::Inline(bytes)) => 2 + bytes.len(),
            Some(Value::Large(large)) => 12 + 12 * large.extents.len() + 4 * large.sums.len(),
        }
}

/// Reads one change. Extents must lie within `pages` and hold exactly the value's length.
pub(crate) fn decode(reader: &mut Reader<'_>, pages: u64) -> Option<Record> {
    let namespace = Namespace(reader.u16()?);
    let key_length = reader.u16()?;
    let key = reader.bytes(key_length.into())?.to_vec();
    let value = match reader.u8()? {
        REMOVED => None,
        INLINE => {
            let length = reader.u16()?;
            Some(Value::Inline(reader.bytes(length.into())?.to_vec()))
        }
        LARGE => Some(Value::Large(decode_large(reader, pages)?)),
        _ => return None,
    };
    Some(((namespace, key), value))
}

fn decode_large(reader: &mut Reader<'_>, pages: u64) -> Option<Large> {
    let length = reader.u64()?;
    let count = reader.u32()? as usize;
    // An extent takes 12 bytes: a false count asks for no more memory than the record has.
    let mut extents = Vec::with_capacity(count.min(reader.0.len() / 12));
    let mut held = 0u64;
    for _ in 0..count {
        let extent = Extent {
            page: reader.u64()?,
            count: reader.u32()?,
        };
        let end = extent.page.checked_add(extent.count.into())?;
        // A run that leaves the disk would lead reads, and once it is freed writes, somewhere else.
        if extent.count == 0 || end > pages {
            return None;
        }
        held += u64::from(extent.count);
        extents.push(extent);
    }
    // Readers and the checksums rely on this: every byte of the value has its place.
    if held != pages_for(length) {
        return None;
    }
    let sums = (0..length.div_ceil(CHUNK as u64))
        .map(|_| reader.u32())
        .collect::<Option<_>>()?;
    Some(Large {
        length,
        extents,
        sums,
    })
}

/// The index in memory.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) entries: BTreeMap<FullKey, Value>,
    /// Bytes that all entries take in a snapshot.
    pub(crate) encoded: usize,
}

impl Index {
    /// Applies one change and gives back the value that was there.
    pub(crate) fn apply(&mut self, key: FullKey, value: Option<Value>) -> Option<Value> {
        if let Some(value) = &value {
            self.encoded += encoded_len(&key.1, Some(value));
        }
        let key_bytes = key.1.len();
        let old = match value {
            Some(value) => self.entries.insert(key, value),
            None => self.entries.remove(&key),
        };
        if let Some(old) = &old {
            // The map took the key; its length is all that is needed of it.
            self.encoded -= encoded_len(&[], Some(old)) + key_bytes;
        }
        old
    }
}
