//! What a path names, out of blocks: every block is checked against its CID. Files are put together
//! from dag-pb nodes with UnixFS data, other nodes are told as DAG-JSON.
//!
//! A graph of few blocks can have exponentially many paths: each block that is taken counts, also
//! one that was taken before.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::cbor::{self, Found};
pub use super::cid::Cid;
use super::cid::codec;
use super::unixfs::{self, Entry, UnixFs};

/// Longest path, in bytes, and most names in it.
const MAX_PATH: usize = 4096;
const MAX_NAMES: usize = 64;
/// Longest block of another form that is told as JSON: twice what IPFS makes.
const MAX_NODE: usize = 2 << 20;
/// Longest block of JSON. As a tree it takes a hundred times its size.
const MAX_JSON: usize = 512 << 10;
/// Bytes that blocks may have together, besides twice those of the file: nodes above its leaves may
/// be full of what nobody reads.
const MAX_NODES: usize = 1 << 20;
/// Most characters of a name that an error repeats.
const SHOWN: usize = 100;

/// Why a file or a node cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The text names nothing that is understood.
    BadCid(String),
    /// A block is not what its CID says.
    WrongBlock(String),
    /// A block is no node of a file.
    BadNode(String),
    /// A block is a directory, which has no contents of its own.
    Directory(String),
    /// A block is malformed, or of a kind that cannot be told as JSON.
    NoJson(String),
    /// A block has no link of this name.
    NoLink(String, String),
    /// The file is too large, or has too many blocks.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadCid(text) => write!(f, "'{text}' is no CID that IPFS knows"),
            Error::WrongBlock(cid) => write!(f, "the block that came is not {cid}"),
            Error::BadNode(cid) => write!(f, "{cid} is no node of a file"),
            Error::Directory(cid) => write!(f, "{cid} is a directory"),
            Error::NoJson(cid) => write!(f, "{cid} cannot be told as JSON"),
            Error::NoLink(cid, name) => write!(f, "{cid} has no link named '{name}'"),
            Error::TooLarge => f.write_str("the file is too large"),
        }
    }
}

impl core::error::Error for Error {}

/// A CID and the names that lead on from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    root: Cid,
    names: Vec<String>,
}

impl Path {
    /// Reads a CID, or a path that begins with one: `CID/a/b`, `/ipfs/CID/a/b`, `ipfs://CID/a/b`.
    ///
    /// # Errors
    /// [`Error::BadCid`].
    pub fn parse(text: &str) -> Result<Path, Error> {
        let bad = || Error::BadCid(text.chars().take(SHOWN).collect());
        if text.len() > MAX_PATH {
            return Err(bad());
        }
        let begins = ["/ipfs/", "/ipld/", "ipfs://"];
        let path = begins.iter().find_map(|begin| text.strip_prefix(begin));
        let mut parts = path.unwrap_or(text).split('/');
        let root = parts.next().and_then(Cid::parse).ok_or_else(bad)?;
        let mut names: Vec<String> = Vec::new();
        for name in parts {
            match name {
                "" | "." => {}
                // Up to the root and no further, as in a file system.
                ".." => drop(names.pop()),
                name => names.push(name.to_owned()),
            }
        }
        match names.len() > MAX_NAMES {
            true => Err(bad()),
            false => Ok(Path { root, names }),
        }
    }
}

impl From<Cid> for Path {
    fn from(root: Cid) -> Path {
        Path {
            root,
            names: Vec::new(),
        }
    }
}

/// What is wanted at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The contents of a file.
    File,
    /// A node as DAG-JSON.
    Json,
}

/// A file or a node that comes in block by block.
pub struct Assembly {
    form: Form,
    /// Names that are not walked yet.
    names: Vec<String>,
    /// So many shards below the first one of a directory.
    level: u32,
    /// Blocks that are still wanted, the next one last. While there are names it is one.
    wanted: Vec<Cid>,
    bytes: Vec<u8>,
    max_bytes: usize,
    blocks_left: usize,
    block_bytes_left: usize,
}

impl Assembly {
    /// Begins with what the CID itself holds, if it holds anything.
    ///
    /// # Errors
    /// As [`Assembly::take`].
    pub fn new(
        path: impl Into<Path>,
        form: Form,
        max_bytes: usize,
        max_blocks: usize,
    ) -> Result<Assembly, Error> {
        let Path { root, names } = path.into();
        let mut assembly = Assembly {
            form,
            names,
            level: 0,
            wanted: alloc::vec![root],
            bytes: Vec::new(),
            max_bytes,
            blocks_left: max_blocks,
            block_bytes_left: max_bytes.saturating_mul(2).saturating_add(MAX_NODES),
        };
        assembly.take_inlined()?;
        Ok(assembly)
    }

    /// The block that is wanted next; `None`: all is there.
    pub fn wanted(&self) -> Option<&Cid> {
        self.wanted.last()
    }

    /// How many bytes are there.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the block that is wanted next.
    ///
    /// # Errors
    /// It is another block, or not what the path needs, or there is no room for it.
    pub fn take(&mut self, block: &[u8]) -> Result<(), Error> {
        let Some(cid) = self.wanted.pop() else {
            return Ok(());
        };
        self.blocks_left = self.blocks_left.checked_sub(1).ok_or(Error::TooLarge)?;
        let left = self.block_bytes_left.checked_sub(block.len());
        self.block_bytes_left = left.ok_or(Error::TooLarge)?;
        if !cid.is_of(block) {
            return Err(Error::WrongBlock(cid.text().into()));
        }
        self.step(&cid, block)?;
        self.take_inlined()
    }

    /// Takes the blocks next in turn that are in their CIDs.
    fn take_inlined(&mut self) -> Result<(), Error> {
        while let Some(cid) = self.wanted.pop_if(|cid| cid.inlined().is_some()) {
            self.blocks_left = self.blocks_left.checked_sub(1).ok_or(Error::TooLarge)?;
            self.step(&cid, cid.inlined().unwrap_or_default())?;
        }
        Ok(())
    }

    fn step(&mut self, cid: &Cid, block: &[u8]) -> Result<(), Error> {
        if !self.names.is_empty() {
            return self.walk(cid, block);
        }
        match self.form {
            Form::File => self.file(cid, block),
            Form::Json => self.json(cid, block),
        }
    }

    /// Goes on by the next name.
    fn walk(&mut self, cid: &Cid, block: &[u8]) -> Result<(), Error> {
        let name: String = self.names[0].chars().take(SHOWN).collect();
        let none = || Error::NoLink(cid.text().into(), name);
        match cid.codec() {
            codec::DAG_PB => match unixfs::find(block, &self.names[0], self.level) {
                Some(Entry::At(cid)) => {
                    self.names.remove(0);
                    self.level = 0;
                    self.wanted.push(cid);
                }
                Some(Entry::Below(cid)) => {
                    self.level += 1;
                    self.wanted.push(cid);
                }
                None => return Err(none()),
            },
            codec::CBOR | codec::DAG_CBOR => {
                match cbor::find(block, &mut self.names).ok_or_else(none)? {
                    Found::Link(cid) => self.wanted.push(cid),
                    Found::Value(value) => {
                        let text = cbor::to_json(value, self.max_bytes);
                        self.finish(cid, text)?;
                    }
                }
            }
            codec::JSON | codec::DAG_JSON => {
                let value = tree(block).ok_or_else(|| Error::NoJson(cid.text().into()))?;
                let mut at = &value;
                while let (None, Some(name)) = (linked(at), self.names.first()) {
                    at = match at {
                        Value::Array(list) => name.parse().ok().and_then(|i: usize| list.get(i)),
                        other => other.get(name),
                    }
                    .ok_or_else(none.clone())?;
                    self.names.remove(0);
                }
                match linked(at) {
                    Some(text) => self.wanted.push(Cid::parse(text).ok_or_else(none)?),
                    None => self.finish(cid, Some(at.to_string()))?,
                }
            }
            _ => return Err(none()),
        }
        Ok(())
    }

    /// Takes a block of a file.
    fn file(&mut self, cid: &Cid, block: &[u8]) -> Result<(), Error> {
        let bad = || Error::BadNode(cid.text().to_string());
        match cid.codec() {
            codec::RAW => return self.append(block),
            codec::DAG_PB => {}
            _ => return Err(bad()),
        }
        let unixfs = UnixFs::of(block).ok_or_else(bad)?;
        match unixfs.kind {
            // Raw leaves of old and files; not symbolic links and what else there may be.
            unixfs::RAW | unixfs::FILE => {}
            unixfs::DIRECTORY | unixfs::SHARD => return Err(Error::Directory(cid.text().into())),
            _ => return Err(bad()),
        }
        let before = self.wanted.len();
        for link in unixfs::links(block) {
            if self.wanted.len() >= self.blocks_left {
                return Err(Error::TooLarge);
            }
            let linked = link.and_then(|link| link.cid());
            self.wanted.push(linked.ok_or_else(bad)?);
        }
        self.wanted[before..].reverse();
        self.append(unixfs.data)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.bytes.len() + bytes.len() > self.max_bytes {
            return Err(Error::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes a node.
    fn json(&mut self, cid: &Cid, block: &[u8]) -> Result<(), Error> {
        let text = match cid.codec() {
            codec::CBOR | codec::DAG_CBOR | codec::DAG_PB if block.len() > MAX_NODE => None,
            codec::CBOR | codec::DAG_CBOR => cbor::to_json(block, self.max_bytes),
            codec::JSON | codec::DAG_JSON => tree(block).map(|value| value.to_string()),
            codec::RAW => Some(cbor::bytes(block)),
            codec::DAG_PB => pb_to_json(block, self.max_bytes),
            _ => None,
        };
        self.finish(cid, text)
    }

    /// The text of a node is all that was wanted.
    fn finish(&mut self, cid: &Cid, text: Option<String>) -> Result<(), Error> {
        match self.form {
            Form::Json => {
                let text = text.ok_or_else(|| Error::NoJson(cid.text().into()))?;
                self.append(text.as_bytes())
            }
            Form::File => Err(Error::BadNode(cid.text().into())),
        }
    }

    /// The contents or the text, once it is there.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A block of JSON.
fn tree(block: &[u8]) -> Option<Value> {
    let block = Some(block).filter(|block| block.len() <= MAX_JSON)?;
    serde_json::from_slice(block).ok()
}

/// The CID of a value of DAG-JSON that is a link.
fn linked(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get("/")?.as_str()
}

/// A dag-pb node as DAG-JSON.
fn pb_to_json(block: &[u8], max: usize) -> Option<String> {
    let mut text = String::from("{");
    if let Some(data) = unixfs::data(block)? {
        text.push_str(&format!("\"Data\":{},", cbor::bytes(data)));
    }
    text.push_str("\"Links\":[");
    for (number, link) in unixfs::links(block).enumerate() {
        let link = link?;
        let comma = if number > 0 { "," } else { "" };
        text.push_str(&format!("{comma}{{\"Hash\":{}", cbor::link(&link.cid()?)));
        if let Some(name) = link.name {
            text.push_str(&format!(",\"Name\":{}", cbor::quoted(name)));
        }
        if let Some(size) = link.size {
            text.push_str(&format!(",\"Tsize\":{size}"));
        }
        text.push('}');
        if text.len() > max {
            return None;
        }
    }
    text.push_str("]}");
    Some(text)
}

#[cfg(test)]
mod tests;
