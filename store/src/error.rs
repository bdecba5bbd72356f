//! Why an operation did not happen.

use crate::batch::Namespace;
use alloc::vec::Vec;
use core::fmt;

/// Why an operation did not happen. `E` is the device's error.
#[derive(Debug)]
pub enum Error<E> {
    /// The device failed. After a failed write or flush the store refuses further commits until it
    /// is opened again, because what reached the medium is not known.
    Device(E),
    /// The device's block size is neither 512 nor 4096.
    BlockSize(usize),
    /// The device is too small to hold a store: pages it has, pages needed.
    TooSmall(u64, u64),
    /// The device holds no store: neither copy of the superblock is one.
    NotAStore,
    /// The store was written by a newer version of this crate.
    Version(u32),
    /// The snapshot of the index is damaged in both of its copies; the first damaged chunk.
    SnapshotDamaged(u32),
    /// The journal is damaged before its end: batches from this number on cannot be replayed.
    JournalDamaged(u64),
    /// A large value's bytes on the disk do not match their checksum.
    ValueDamaged {
        /// Namespace of the value.
        namespace: Namespace,
        /// Key of the value.
        key: Vec<u8>,
        /// First byte of the damaged 64 KiB chunk.
        offset: u64,
    },
    /// The batch was refused; nothing changed.
    Refused(Refusal),
    /// An earlier write failed: open the store again.
    Poisoned,
}

/// Why a batch was refused. The store is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not enough free pages: pages the batch needs, pages that are free for values.
    Full {
        /// Pages that the batch needs.
        needed: u64,
        /// Pages that are free for values.
        free: u64,
    },
    /// The batch has too many keys and small values for one journal record: its bytes, the limit.
    BatchTooLarge(usize, usize),
    /// A key is longer than [`crate::Limits::key`] bytes: its length.
    KeyTooLong(usize),
    /// A value is longer than [`crate::Limits::value`] bytes: its length.
    ValueTooLong(u64),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "the disk failed: {error}"),
            Self::BlockSize(size) => {
                write!(
                    f,
                    "the disk has blocks of {size} bytes; 512 and 4096 are supported"
                )
            }
            Self::TooSmall(has, needs) => {
                write!(
                    f,
                    "the disk has {has} pages of 4 KiB; a store needs at least {needs}"
                )
            }
            Self::NotAStore => write!(f, "the disk holds no store: format it first"),
            Self::Version(version) => {
                write!(
                    f,
                    "the store has format version {version}; this program is too old for it"
                )
            }
            Self::SnapshotDamaged(chunk) => {
                write!(f, "both copies of snapshot chunk {chunk} are damaged")
            }
            Self::JournalDamaged(batch) => {
                write!(
                    f,
                    "the journal is damaged at batch {batch}, with later batches behind it"
                )
            }
            Self::ValueDamaged {
                namespace,
                key,
                offset,
            } => write!(
                f,
                "value {}/{} is damaged on the disk, in the 64 KiB from byte {offset} on",
                namespace.0,
                key.escape_ascii()
            ),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Poisoned => write!(f, "an earlier write failed: open the store again"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { needed, free } => {
                write!(
                    f,
                    "the disk is full: {needed} pages of 4 KiB needed, {free} free"
                )
            }
            Self::BatchTooLarge(size, limit) => {
                write!(
                    f,
                    "the batch takes {size} bytes of journal; the limit is {limit}"
                )
            }
            Self::KeyTooLong(length) => write!(f, "a key has {length} bytes, too many"),
            Self::ValueTooLong(length) => write!(f, "a value has {length} bytes, too many"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}
impl core::error::Error for Refusal {}

impl<E> From<Refusal> for Error<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
