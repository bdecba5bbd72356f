//! Paths, walked from a directory that they cannot leave.

use alloc::{vec, vec::Vec};

use super::Tree;
use crate::vfs::{error::FsError, node::Ino};

/// Longest path in bytes; with [`MAX_DEPTH`] it bounds the work of one lookup.
const MAX_PATH: usize = 4096;
/// Longest name in bytes.
const MAX_NAME: usize = 255;
/// Deepest directory below the starting one.
const MAX_DEPTH: usize = 256;

/// Where a path ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End<'p> {
    /// At a name in a directory; the name need not exist.
    Name {
        parent: Ino,
        name: &'p str,
        /// A slash follows: only a directory will do.
        directory: bool,
    },
    /// At a directory reached by `.`, `..`.
    Here(Ino),
}

/// Walks all components but the last.
pub(crate) fn walk<'p>(tree: &Tree, start: Ino, path: &'p str) -> Result<End<'p>, FsError> {
    if path.is_empty() {
        return Err(FsError::NotFound);
    }
    if path.len() > MAX_PATH {
        return Err(FsError::NameTooLong);
    }
    if path.contains('\0') {
        return Err(FsError::Invalid);
    }
    // Guests' libraries strip the preopened prefix; what is still absolute means a place outside.
    if path.starts_with('/') {
        return Err(FsError::Escape);
    }
    // `..` goes back along the trail, so it can never rise above the start.
    let mut trail: Vec<Ino> = vec![start];
    let mut parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .peekable();
    while let Some(part) = parts.next() {
        let here = trail[trail.len() - 1];
        if part == ".." {
            if trail.len() == 1 {
                return Err(FsError::Escape);
            }
            trail.pop();
            continue;
        }
        if part.len() > MAX_NAME || trail.len() > MAX_DEPTH {
            return Err(FsError::NameTooLong);
        }
        if parts.peek().is_none() {
            // The last component's directory must be one.
            tree.entries(here)?;
            return Ok(End::Name {
                parent: here,
                name: part,
                directory: path.ends_with('/') || path.ends_with("/."),
            });
        }
        let next = tree.child(here, part)?.ok_or(FsError::NotFound)?;
        // Each step must be a directory: otherwise `file/..` would be valid.
        tree.entries(next)?;
        trail.push(next);
    }
    Ok(End::Here(trail[trail.len() - 1]))
}
