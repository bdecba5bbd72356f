//! A distro as one file: a compressed index, then compressed files.
//!
//! ```text
//! "basalt distro 1\n" | index: compressed size, size (u32 LE each) | index | file | file ..
//! ```
//!
//! The index is JSON. It lists the files in their order, with CIDs and sizes. Compression is
//! DEFLATE (RFC 1951). A file is decompressed and checked against its CID when it is read, which a
//! node does only for files that it does not have yet.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::file::{Bytes, File, pack, unpack};
use crate::{Damaged, Distro, Package, Spell};

/// What a pack begins with.
const MAGIC: &[u8] = b"basalt distro 1\n";
/// Longest index in bytes: the data of spells, and scripts in it, are part of the index. Bounds the
/// memory that a hostile index takes when it is decompressed.
const MAX_INDEX: usize = 8 << 20;
/// Longest file in bytes. Bounds the memory that a hostile file takes when it is decompressed.
const MAX_FILE: usize = 32 << 20;
/// Longest pack in bytes; readers need not take more from a disk.
pub const MAX_PACK: usize = 32 << 20;

/// Why bytes are not a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// They do not begin with the mark of a pack of this version.
    Magic,
    /// The index is damaged, or too long.
    Index(String),
    /// The index names a file, by CID, that is not there.
    Missing(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Magic => f.write_str("it is not a file of services of this version"),
            Error::Index(why) => write!(f, "its index is damaged: {why}"),
            Error::Missing(cid) => write!(
                f,
                "it does not contain the file {cid}, which its index names"
            ),
        }
    }
}

impl core::error::Error for Error {}

#[derive(Serialize, Deserialize)]
struct Index {
    files: Vec<Entry>,
    spell: Listed,
    system: Vec<Listed>,
}

/// A file: sizes in bytes, as it is and compressed.
#[derive(Serialize, Deserialize)]
struct Entry {
    cid: String,
    len: usize,
    packed: usize,
}

/// A package with CIDs in place of files.
#[derive(Serialize, Deserialize)]
struct Listed {
    name: String,
    version: String,
    modules: Vec<(String, String)>,
    calls: Vec<(String, Value)>,
    spell: Option<ListedSpell>,
}

#[derive(Serialize, Deserialize)]
struct ListedSpell {
    name: String,
    script: String,
    data: Value,
    period: u32,
}

impl Distro {
    /// Writes a pack: the same for the same distro.
    ///
    /// # Errors
    /// A file is not what its CID says.
    pub fn to_pack(&self) -> Result<Vec<u8>, Damaged> {
        let mut files = BTreeMap::new();
        for package in self.system.iter().chain([&self.spell]) {
            let scripts = package.spell.iter().map(|spell| &spell.script);
            for file in package.modules.iter().map(|(_, file)| file).chain(scripts) {
                files.insert(file.cid(), file);
            }
        }
        let mut entries = Vec::with_capacity(files.len());
        let mut content = Vec::new();
        for (cid, file) in files {
            let packed = pack(&file.read()?);
            entries.push(Entry {
                cid: cid.to_string(),
                len: file.len(),
                packed: packed.len(),
            });
            content.extend_from_slice(&packed);
        }
        let index = Index {
            files: entries,
            spell: listed(&self.spell),
            system: self.system.iter().map(listed).collect(),
        };
        // An index has only strings, numbers and JSON values, so writing it cannot fail.
        let index = serde_json::to_vec(&index).unwrap_or_default();
        let packed = pack(&index);
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        out.extend_from_slice(&(index.len() as u32).to_le_bytes());
        out.extend_from_slice(&packed);
        out.extend_from_slice(&content);
        Ok(out)
    }

    /// Reads a pack. Its files stay where they are until they are read.
    ///
    /// # Errors
    /// [`Error`]: the bytes are not a pack.
    pub fn from_pack(pack: &Bytes) -> Result<Distro, Error> {
        let bytes = (**pack).as_ref();
        let rest = bytes.strip_prefix(MAGIC).ok_or(Error::Magic)?;
        let short = || Error::Index("it is cut off".into());
        let (packed, rest) = number(rest).ok_or_else(short)?;
        let (len, rest) = number(rest).ok_or_else(short)?;
        let (packed, rest) = rest.split_at_checked(packed).ok_or_else(short)?;
        if len > MAX_INDEX {
            return Err(Error::Index("it is too long".into()));
        }
        let index = unpack(packed, len).ok_or_else(|| Error::Index("it does not unpack".into()))?;
        let index: Index =
            serde_json::from_slice(&index).map_err(|error| Error::Index(error.to_string()))?;
        let mut files = BTreeMap::new();
        let mut start = bytes.len() - rest.len();
        for Entry { cid, len, packed } in index.files {
            let end = start.saturating_add(packed);
            if end > bytes.len() || len > MAX_FILE {
                return Err(Error::Missing(cid));
            }
            let file = File::packed(cid.clone(), len, pack.clone(), start..end);
            files.insert(cid, file);
            start = end;
        }
        let system = index.system.into_iter();
        Ok(Distro {
            spell: unlisted(index.spell, &files)?,
            system: system
                .map(|package| unlisted(package, &files))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number) as usize, rest))
}

fn listed(package: &Package) -> Listed {
    let modules = package.modules.iter();
    Listed {
        name: package.name.clone(),
        version: package.version.clone(),
        modules: modules
            .map(|(name, file)| (name.clone(), file.cid().to_string()))
            .collect(),
        calls: package.calls.clone(),
        spell: package.spell.as_ref().map(|spell| ListedSpell {
            name: spell.name.clone(),
            script: spell.script.cid().to_string(),
            data: spell.data.clone(),
            period: spell.period,
        }),
    }
}

fn unlisted(package: Listed, files: &BTreeMap<String, File>) -> Result<Package, Error> {
    let file = |cid: String| files.get(&cid).cloned().ok_or(Error::Missing(cid));
    let modules = package.modules.into_iter();
    let spell = package.spell.map(|spell| {
        Ok(Spell {
            name: spell.name,
            script: file(spell.script)?,
            data: spell.data,
            period: spell.period,
        })
    });
    Ok(Package {
        name: package.name,
        version: package.version,
        modules: modules
            .map(|(name, cid)| Ok((name, file(cid)?)))
            .collect::<Result<_, _>>()?,
        calls: package.calls,
        spell: spell.transpose()?,
    })
}
