//! What a store learns about a volume: batches of effects that it keeps entirely or not at all.

use alloc::string::String;
use core::fmt;

use super::node::Ino;

/// One change of a volume. Replaying all committed effects in order over an empty tree gives the
/// tree ([`super::Tree::apply`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// A new file or directory under a name that is free.
    Create {
        /// Number of the new node, never used before on the volume.
        ino: Ino,
        /// Directory.
        parent: Ino,
        /// Name in it.
        name: &'a str,
        /// A directory, else an empty file.
        directory: bool,
        /// Time in nanoseconds since 1970.
        now: u64,
    },
    /// A name is gone; the node it had, too.
    Remove {
        /// Directory.
        parent: Ino,
        /// Name in it.
        name: &'a str,
    },
    /// A node has a new name; what had the new name before is gone.
    Rename {
        /// Old directory.
        from: Ino,
        /// Old name.
        name: &'a str,
        /// New directory.
        to: Ino,
        /// New name.
        new_name: &'a str,
    },
    /// Length and time of a file whose contents changed; bytes beyond the old length are zero until
    /// written.
    Resize {
        /// The file.
        ino: Ino,
        /// New length in bytes.
        len: u64,
        /// Time in nanoseconds since 1970.
        now: u64,
    },
    /// New bytes within the length.
    Write {
        /// The file.
        ino: Ino,
        /// Offset in bytes.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    },
}

/// A store refused a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalError(pub String);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file changes could not be stored: {}", self.0)
    }
}

impl core::error::Error for JournalError {}

/// Keeps the changes of one volume.
pub trait Journal: Send {
    /// Keeps a batch: when this returns, all of it survives a power cut.
    ///
    /// # Errors
    /// [`JournalError`] when nothing of it is kept; the volume then undoes the changes.
    fn commit(&mut self, effects: &[Effect<'_>]) -> Result<(), JournalError>;
}
