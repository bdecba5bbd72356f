//! What goes wrong with disks.

use core::fmt;

/// What a disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Blocks to memory.
    Read,
    /// Memory to blocks.
    Write,
    /// Everything written becomes durable.
    Flush,
    /// The blocks' content is no longer needed.
    Discard,
}

impl Operation {
    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Flush => "flush",
            Self::Discard => "discard",
        }
    }
}

/// Why a device did not do what an engine asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It refused, with a status of its own.
    Refused(u32),
    /// It did not answer in time.
    Silent,
    /// It stopped working, with a status of its own.
    Broken(u32),
    /// Its registers are gone: it was removed.
    Gone,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "the disk refuses with status {status:#x}"),
            Self::Silent => f.write_str("the disk does not answer"),
            Self::Broken(status) => write!(f, "the disk has stopped with status {status:#x}"),
            Self::Gone => f.write_str("the disk was removed"),
        }
    }
}

/// Why an access to a disk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// These are not whole blocks of the disk: the first one, and the length.
    Outside(u64, u64),
    /// The disk cannot be written.
    ReadOnly,
    /// What failed, at which block, and why.
    Failed(Operation, u64, Failure),
    /// The disk was reset, and what was written before may be lost.
    Lost,
    /// The disk has failed for good.
    Dead,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(block, len) => {
                write!(
                    f,
                    "an access at block {block} of length {len} is outside the disk"
                )
            }
            Self::ReadOnly => f.write_str("the disk is read-only"),
            Self::Failed(operation, block, failure) => {
                write!(f, "{} at block {block}: {failure}", operation.name())
            }
            Self::Lost => f.write_str("the disk was reset: what was written before it may be lost"),
            Self::Dead => f.write_str("the disk has failed for good"),
        }
    }
}

impl core::error::Error for Fault {}
