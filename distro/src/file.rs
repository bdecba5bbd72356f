//! A file and its CID.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use miniz_oxide::{deflate, inflate};

use crate::cid;

/// Level of compression, of 10 at most. A higher one takes longer and gains little on modules.
const LEVEL: u8 = 9;

/// Bytes that are shared, not copied.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A file, by its CID. Whether its bytes match the CID is checked when it is [read](File::read).
#[derive(Clone)]
pub struct File {
    cid: String,
    len: usize,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Plain(&'static [u8]),
    /// The compressed file is at this place in these bytes.
    Packed(Bytes, Range<usize>),
}

impl PartialEq for File {
    fn eq(&self, other: &File) -> bool {
        (&self.cid, self.len) == (&other.cid, other.len)
    }
}

impl Eq for File {}

/// A file, by its CID, whose bytes do not match the CID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged(pub String);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file {} is damaged: write the image again", self.0)
    }
}

impl core::error::Error for Damaged {}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({}, {} bytes)", self.cid, self.len)
    }
}

impl File {
    /// A file whose bytes are there uncompressed.
    #[must_use]
    pub fn new(bytes: &'static [u8]) -> File {
        File {
            cid: cid::of_file(bytes),
            len: bytes.len(),
            content: Content::Plain(bytes),
        }
    }

    /// A file that should have the CID `cid` and `len` bytes. Compressed it is `range` of `pack`.
    pub(crate) fn packed(cid: String, len: usize, pack: Bytes, range: Range<usize>) -> File {
        File {
            cid,
            len,
            content: Content::Packed(pack, range),
        }
    }

    /// Its CID.
    #[must_use]
    pub fn cid(&self) -> &str {
        &self.cid
    }

    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its bytes, checked against the CID.
    ///
    /// # Errors
    /// [`Damaged`]: they do not match.
    pub fn read(&self) -> Result<Cow<'static, [u8]>, Damaged> {
        let packed = match &self.content {
            Content::Plain(bytes) => return Ok(Cow::Borrowed(bytes)),
            Content::Packed(pack, range) => (**pack).as_ref().get(range.clone()),
        };
        let damaged = || Damaged(self.cid.clone());
        let whole = packed.and_then(|packed| unpack(packed, self.len));
        let whole = whole.ok_or_else(damaged)?;
        match cid::of_file(&whole) == self.cid {
            true => Ok(Cow::Owned(whole)),
            false => Err(damaged()),
        }
    }
}

/// Compressed bytes (RFC 1951).
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    deflate::compress_to_vec(bytes, LEVEL)
}

/// Decompressed bytes; `None` if they are not exactly `len`.
pub(crate) fn unpack(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    let whole = inflate::decompress_to_vec_with_limit(bytes, len).ok()?;
    (whole.len() == len).then_some(whole)
}
