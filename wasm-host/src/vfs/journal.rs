//! What a store learns about a volume: batches of effects that it keeps entirely or not at all.

use alloc::string::String;
use core::fmt;

use super::node::{Ino, Times};

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
    /// A name is gone; the node it had, too, if it was the last one.
    Remove {
        /// Directory.
        parent: Ino,
        /// Name in it.
        name: &'a str,
    },
    /// A node has a new name; what had the new name before has lost it.
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
    /// One more name for a file or a symbolic link.
    Link {
        /// The node.
        ino: Ino,
        /// Directory.
        parent: Ino,
        /// Name in it, which is free.
        name: &'a str,
        /// Time in nanoseconds since 1970.
        now: u64,
    },
    /// A new symbolic link under a name that is free.
    Symlink {
        /// Number of the new node, never used before on the volume.
        ino: Ino,
        /// Directory.
        parent: Ino,
        /// Name in it.
        name: &'a str,
        /// The path that it stands for.
        target: &'a str,
        /// Time in nanoseconds since 1970.
        now: u64,
    },
    /// The times of a node, where the effects before do not give them.
    Times {
        /// The node.
        ino: Ino,
        /// Its times.
        times: Times,
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
