//! What can go wrong.

use core::fmt;

use crate::units::MIB;

/// Why a volume cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The volume's size in bytes is none that FAT16 can have.
    Size(u64),
    /// The name is not allowed, or already there.
    Name(String),
    /// The files need more room than the volume has; bytes of the volume.
    Full(u64),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a FAT16 volume cannot have {size} bytes"),
            Self::Name(name) => write!(f, "\"{name}\" cannot be a file's name, or is there twice"),
            Self::Full(size) => {
                write!(f, "the files do not fit a volume of {} MiB", size / MIB)
            }
        }
    }
}

impl core::error::Error for Error {}
