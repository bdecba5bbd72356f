//! Files out of blocks: every block is checked against its CID, dag-pb nodes with UnixFS data are
//! put together.
//!
//! Formats: CID (multiformats specification), dag-pb and UnixFS (IPFS specifications).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use basalt_terms::cid::{self, DAG_PB, MAX_TEXT, RAW};
use basalt_terms::protobuf::{Fields, Value};
use sha2::{Digest, Sha256};

/// Code and length of a SHA-256 multihash.
const SHA256: [u8; 2] = [cid::SHA2_256, 32];

/// A content identifier with a SHA-256 hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cid {
    codec: u8,
    hash: [u8; 32],
    text: String,
}

/// Why a file cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The text is no CID of a kind that is understood.
    BadCid(String),
    /// A block is not what its CID says.
    WrongBlock(String),
    /// A block is no node of a file.
    BadNode(String),
    /// The file is too large, or has too many blocks.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadCid(text) => write!(f, "'{text}' is no CID of a file with a SHA-256 hash"),
            Error::WrongBlock(cid) => write!(f, "the block that came is not {cid}"),
            Error::BadNode(cid) => write!(f, "{cid} is no node of a file"),
            Error::TooLarge => f.write_str("the file is too large"),
        }
    }
}

impl core::error::Error for Error {}

impl Cid {
    /// Reads version 1 in base32 (`bafy..`), version 0 (`Qm..`).
    ///
    /// # Errors
    /// [`Error::BadCid`].
    pub fn parse(text: &str) -> Result<Cid, Error> {
        let bad = || Error::BadCid(text.chars().take(MAX_TEXT).collect());
        let bytes = cid::decode(text).ok_or_else(bad)?;
        Cid::from_bytes(&bytes).ok_or_else(bad)
    }

    /// Reads the binary form of either version.
    fn from_bytes(bytes: &[u8]) -> Option<Cid> {
        let (codec, hash, text) = match bytes {
            [cid::SHA2_256, 32, hash @ ..] => (DAG_PB, hash, cid::encode_v0(bytes)?),
            [1, codec, rest @ ..] if matches!(*codec, RAW | DAG_PB) => {
                (*codec, rest.strip_prefix(&SHA256)?, cid::encode(bytes))
            }
            _ => return None,
        };
        Some(Cid {
            codec,
            hash: hash.try_into().ok()?,
            text,
        })
    }

    /// As it is asked for.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A file that comes in block by block.
pub struct Assembly {
    /// Blocks that are still wanted, the next one last.
    wanted: Vec<Cid>,
    bytes: Vec<u8>,
    max_bytes: usize,
    blocks_left: usize,
}

impl Assembly {
    /// Nothing yet of the file with this CID.
    pub fn new(root: Cid, max_bytes: usize, max_blocks: usize) -> Assembly {
        Assembly {
            wanted: alloc::vec![root],
            bytes: Vec::new(),
            max_bytes,
            blocks_left: max_blocks,
        }
    }

    /// The block that is wanted next; `None`: the file is whole.
    pub fn wanted(&self) -> Option<&Cid> {
        self.wanted.last()
    }

    /// Takes the block that is wanted next.
    ///
    /// # Errors
    /// It is another block, or none of a file, or there is no room for it.
    pub fn take(&mut self, block: &[u8]) -> Result<(), Error> {
        let Some(cid) = self.wanted.pop() else {
            return Ok(());
        };
        if Sha256::digest(block)[..] != cid.hash {
            return Err(Error::WrongBlock(cid.text));
        }
        self.blocks_left = self.blocks_left.checked_sub(1).ok_or(Error::TooLarge)?;
        if cid.codec == RAW {
            return self.append(block);
        }
        let node = Node::parse(block).ok_or_else(|| Error::BadNode(cid.text().to_string()))?;
        if self.wanted.len() + node.links.len() > self.blocks_left {
            return Err(Error::TooLarge);
        }
        self.append(node.data)?;
        self.wanted.extend(node.links.into_iter().rev());
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.bytes.len() + bytes.len() > self.max_bytes {
            return Err(Error::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The file, once it is whole.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A dag-pb node of a file.
struct Node<'a> {
    links: Vec<Cid>,
    data: &'a [u8],
}

impl<'a> Node<'a> {
    fn parse(block: &'a [u8]) -> Option<Node<'a>> {
        let (mut links, mut unixfs) = (Vec::new(), None);
        for field in fields(block) {
            match field? {
                (2, Value::Bytes(link)) => {
                    let mut cid = None;
                    for field in fields(link) {
                        if let (1, Value::Bytes(bytes)) = field? {
                            cid = Some(Cid::from_bytes(bytes)?);
                        }
                    }
                    links.push(cid?);
                }
                (1, Value::Bytes(bytes)) => unixfs = Some(bytes),
                _ => return None,
            }
        }
        let (mut kind, mut data) = (None, &[][..]);
        for field in fields(unixfs?) {
            match field? {
                (1, Value::Varint(number)) => kind = Some(number),
                (2, Value::Bytes(bytes)) => data = bytes,
                _ => {}
            }
        }
        // Raw leaves of old and files; not directories, symbolic links and shards.
        matches!(kind, Some(0 | 2)).then_some(Node { links, data })
    }
}

/// The fields of a protobuf message by number; `None` where it is malformed, or has a field of a
/// fixed size, which no node has.
fn fields(message: &[u8]) -> impl Iterator<Item = Option<(u32, Value<'_>)>> {
    Fields::lenient(message).map(|field| match field.ok()? {
        field if field.value == Value::Fixed => None,
        field => Some((field.number, field.value)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use basalt_distro::cid;

    const LIMIT: usize = 10 << 20;

    /// A file's blocks as our own modules have them: leaves, and the node over them.
    fn assemble(bytes: &[u8], max: usize) -> Result<Vec<u8>, Error> {
        let root = Cid::parse(&cid::of_file(bytes)).unwrap();
        let mut assembly = Assembly::new(root, max, 1000);
        let mut leaves = bytes.chunks(262_144);
        if bytes.len() > 262_144 || bytes.is_empty() {
            assembly.take(&cid::node(bytes))?;
        }
        while assembly.wanted().is_some() {
            assembly.take(leaves.next().unwrap())?;
        }
        Ok(assembly.into_bytes())
    }

    #[test]
    fn files_come_together_from_their_blocks() {
        for len in [0, 1, 262_144, 262_145, 1_000_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            assert_eq!(assemble(&bytes, LIMIT), Ok(bytes.clone()), "{len}");
        }
        assert_eq!(assemble(&vec![1; 500_000], 400_000), Err(Error::TooLarge));
    }

    #[test]
    fn blocks_that_are_not_what_they_should_be_are_refused() {
        let root = Cid::parse(&cid::of_file(b"hello\n")).unwrap();
        let mut assembly = Assembly::new(root.clone(), LIMIT, 10);
        assert_eq!(
            assembly.take(b"hallo\n"),
            Err(Error::WrongBlock(root.text().into()))
        );
        let mut none = Assembly::new(root, LIMIT, 0);
        assert_eq!(none.take(b"hello\n"), Err(Error::TooLarge));
        // A node that is none, under its own true hash.
        let mut bytes = vec![0x12, 32];
        bytes.extend_from_slice(&Sha256::digest(b"\xff\xff"));
        let text = bs58::encode(bytes).into_string();
        let mut broken = Assembly::new(Cid::parse(&text).unwrap(), LIMIT, 10);
        assert_eq!(broken.take(b"\xff\xff"), Err(Error::BadNode(text)));
    }

    #[test]
    fn texts_that_are_no_cids_are_told() {
        for text in [
            "",
            "b",
            "bafk",
            "Qm",
            "x?",
            "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
        ] {
            assert!(Cid::parse(text).is_err(), "{text}");
        }
        let long = "1".repeat(1 << 20);
        assert_eq!(Cid::parse(&long), Err(Error::BadCid(long[..100].into())));
        let old = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG";
        assert_eq!(Cid::parse(old).unwrap().text(), old);
    }
}
