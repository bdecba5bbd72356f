//! Why an operation on files is refused.

use core::fmt;

/// Why an operation is refused. The WASI layer gives each an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsError {
    /// The handle's file is gone or of the wrong kind.
    BadHandle,
    /// The name exists.
    Exists,
    /// Unusable argument.
    Invalid,
    /// A directory where a file is needed.
    IsDirectory,
    /// No such name.
    NotFound,
    /// A file where a directory is needed.
    NotDirectory,
    /// The directory has entries.
    NotEmpty,
    /// The volume's quota of bytes or of files is used up.
    NoSpace,
    /// A name of more than 255 bytes or a path that is too long or too deep.
    NameTooLong,
    /// The path leaves the directory it starts in.
    Escape,
    /// The names are on different volumes.
    CrossVolume,
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadHandle => "bad file handle",
            Self::Exists => "name exists",
            Self::Invalid => "invalid argument",
            Self::IsDirectory => "is a directory",
            Self::NotFound => "no such file or directory",
            Self::NotDirectory => "not a directory",
            Self::NotEmpty => "directory not empty",
            Self::NoSpace => "volume is full",
            Self::NameTooLong => "name too long",
            Self::Escape => "path leaves its directory",
            Self::CrossVolume => "names are on different volumes",
        })
    }
}

impl core::error::Error for FsError {}
