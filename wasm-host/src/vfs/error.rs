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
    /// The name of a directory that cannot be taken away: the starting one, or one given as `.`.
    Busy,
    /// More than any volume of this kind can hold.
    TooBig,
    /// A directory where a file is needed.
    IsDirectory,
    /// Symbolic links that lead in a circle, one where none may be, or too many of them.
    Loop,
    /// What a file system never allows, such as a second name for a directory.
    NotPermitted,
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
            Self::Busy => "the directory is in use",
            Self::TooBig => "file too large",
            Self::IsDirectory => "is a directory",
            Self::Loop => "too many levels of symbolic links",
            Self::NotPermitted => "not permitted",
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
