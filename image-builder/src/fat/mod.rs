//! Writes a fresh FAT16 volume.
//!
//! FAT16, because a FAT32 volume has at least 65,525 clusters and so more than 32 MiB, most of the
//! whole image; UEFI firmware reads both (UEFI specification, "File System Format"). All times are
//! the format's first day, the serial number is an argument and files lie in the order they were
//! added: the volume depends on its content alone.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03.

mod entry;
mod error;
mod name;

pub use error::Error;
use name::Name;

const SECTOR: usize = 512;
const SECTORS_PER_CLUSTER: usize = 4;
/// Size of a cluster in bytes.
const CLUSTER: usize = SECTOR * SECTORS_PER_CLUSTER;
const FATS: usize = 2;
const ROOT_ENTRIES: usize = 512;
const ROOT_SECTORS: usize = ROOT_ENTRIES * entry::SIZE / SECTOR;
/// Data begins at a multiple of this many sectors, so that clusters lie well on flash memory.
const ALIGNMENT: usize = 8;
/// With fewer clusters it is FAT12, with more FAT32; drivers are known to be off by a few.
const CLUSTERS: core::ops::Range<usize> = 4085 + 16..65525 - 16;
const MEDIA: u8 = 0xf8;
const END_OF_CHAIN: u16 = 0xffff;

/// A directory and all below it.
#[derive(Clone, Debug, Default)]
pub struct Directory<'a> {
    entries: Vec<(String, Node<'a>)>,
}

#[derive(Clone, Debug)]
enum Node<'a> {
    File(&'a [u8]),
    Directory(Directory<'a>),
}

impl<'a> Directory<'a> {
    /// Adds a file.
    #[must_use]
    pub fn file(mut self, name: &str, content: &'a [u8]) -> Self {
        self.entries.push((name.into(), Node::File(content)));
        self
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(mut self, name: &str, content: Directory<'a>) -> Self {
        self.entries.push((name.into(), Node::Directory(content)));
        self
    }

    fn names(&self) -> Result<Vec<Name>, Error> {
        let mut taken = Vec::new();
        let mut names = Vec::with_capacity(self.entries.len());
        for (index, (text, _)) in self.entries.iter().enumerate() {
            let same = |other: &(String, Node<'_>)| other.0.eq_ignore_ascii_case(text);
            if self.entries[..index].iter().any(same) {
                return Err(Error::Name(text.clone()));
            }
            let name = Name::new(text, &taken)?;
            taken.push(name.short);
            names.push(name);
        }
        Ok(names)
    }
}

/// What identifies a volume.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Serial number.
    pub serial: u32,
    /// Label: at most 11 ASCII capitals, digits and spaces.
    pub label: &'a str,
    /// Number of sectors on the disk in front of the volume.
    pub hidden: u32,
}

/// Writes a volume of `size` bytes with the files of `root`.
///
/// # Errors
/// When the size, a name or the amount of content is impossible.
pub fn volume(size: u64, identity: Identity<'_>, root: &Directory<'_>) -> Result<Vec<u8>, Error> {
    let geometry = Geometry::new(size)?;
    let mut writer = Writer {
        data: vec![0; geometry.clusters * CLUSTER],
        fat: vec![u16::from_le_bytes([MEDIA, 0xff]), END_OF_CHAIN],
        size,
    };
    let label = label_entry(identity.label)?;
    let root = writer.directory_entries(root, 0, vec![label])?;
    if root.len() > ROOT_ENTRIES * entry::SIZE {
        return Err(Error::Full(size));
    }

    let mut volume = geometry.boot_sector(identity);
    volume.resize(geometry.reserved * SECTOR, 0);
    let mut fat: Vec<u8> = writer
        .fat
        .iter()
        .flat_map(|link| link.to_le_bytes())
        .collect();
    fat.resize(geometry.fat_sectors * SECTOR, 0);
    for _ in 0..FATS {
        volume.extend_from_slice(&fat);
    }
    volume.extend_from_slice(&root);
    volume.resize(geometry.data_start() * SECTOR, 0);
    volume.extend_from_slice(&writer.data);
    volume.resize(geometry.sectors * SECTOR, 0);
    Ok(volume)
}

/// Where things lie, in sectors.
struct Geometry {
    sectors: usize,
    reserved: usize,
    fat_sectors: usize,
    clusters: usize,
}

impl Geometry {
    fn new(size: u64) -> Result<Self, Error> {
        let bytes = usize::try_from(size).map_err(|_| Error::Size(size))?;
        let sectors = bytes / SECTOR;
        // A table for slightly more clusters than there will be.
        let fat_sectors = ((sectors / SECTORS_PER_CLUSTER + 2) * 2).div_ceil(SECTOR);
        let tables = FATS * fat_sectors + ROOT_SECTORS;
        let reserved = (1 + tables).next_multiple_of(ALIGNMENT) - tables;
        let clusters = sectors.saturating_sub(reserved + tables) / SECTORS_PER_CLUSTER;
        if bytes % SECTOR != 0 || !CLUSTERS.contains(&clusters) {
            return Err(Error::Size(size));
        }
        Ok(Self {
            sectors,
            reserved,
            fat_sectors,
            clusters,
        })
    }

    fn data_start(&self) -> usize {
        self.reserved + FATS * self.fat_sectors + ROOT_SECTORS
    }

    fn boot_sector(&self, identity: Identity<'_>) -> Vec<u8> {
        let mut sector = vec![0; SECTOR];
        let mut put = |at: usize, bytes: &[u8]| sector[at..at + bytes.len()].copy_from_slice(bytes);
        let small = u16::try_from(self.sectors).unwrap_or(0);
        let large = if small == 0 { self.sectors as u32 } else { 0 };
        put(0, &[0xeb, 0x3c, 0x90]);
        put(3, b"MSWIN4.1");
        put(11, &(SECTOR as u16).to_le_bytes());
        put(13, &[SECTORS_PER_CLUSTER as u8]);
        put(14, &(self.reserved as u16).to_le_bytes());
        put(16, &[FATS as u8]);
        put(17, &(ROOT_ENTRIES as u16).to_le_bytes());
        put(19, &small.to_le_bytes());
        put(21, &[MEDIA]);
        put(22, &(self.fat_sectors as u16).to_le_bytes());
        // Sectors per track and heads: no one asks, but zero is not allowed.
        put(24, &63_u16.to_le_bytes());
        put(26, &255_u16.to_le_bytes());
        put(28, &identity.hidden.to_le_bytes());
        put(32, &large.to_le_bytes());
        put(36, &[0x80, 0, 0x29]);
        put(39, &identity.serial.to_le_bytes());
        put(43, format!("{:11}", identity.label).as_bytes());
        put(54, b"FAT16   ");
        put(510, &[0x55, 0xaa]);
        sector
    }
}

fn label_entry(label: &str) -> Result<[u8; entry::SIZE], Error> {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
    if label.is_empty() || label.len() > 11 || !label.chars().all(plain) {
        return Err(Error::Name(label.into()));
    }
    let mut short = [b' '; 11];
    short[..label.len()].copy_from_slice(label.as_bytes());
    Ok(directory_entry(short, entry::VOLUME, 0, 0))
}

fn directory_entry(
    short: [u8; 11],
    attributes: u8,
    cluster: u16,
    length: u32,
) -> [u8; entry::SIZE] {
    let mut bytes = [0; entry::SIZE];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &short);
    put(entry::ATTRIBUTES, &[attributes]);
    for day in [entry::CREATED, entry::ACCESSED, entry::WRITTEN] {
        put(day, &entry::DAY.to_le_bytes());
    }
    put(entry::CLUSTER, &cluster.to_le_bytes());
    put(entry::LENGTH, &length.to_le_bytes());
    bytes
}

/// The data clusters and the table of their chains, filled from the front.
struct Writer {
    data: Vec<u8>,
    fat: Vec<u16>,
    size: u64,
}

impl Writer {
    /// Takes the next clusters for `length` bytes and chains them; 0 when there are no bytes.
    fn allocate(&mut self, length: usize) -> Result<u16, Error> {
        let count = length.div_ceil(CLUSTER);
        if count == 0 {
            return Ok(0);
        }
        let first = self.fat.len();
        if (first - 2 + count) * CLUSTER > self.data.len() {
            return Err(Error::Full(self.size));
        }
        self.fat
            .extend((first + 1..first + count).map(|next| next as u16));
        self.fat.push(END_OF_CHAIN);
        Ok(first as u16)
    }

    fn store(&mut self, first: u16, content: &[u8]) {
        if first >= 2 {
            let start = (usize::from(first) - 2) * CLUSTER;
            self.data[start..start + content.len()].copy_from_slice(content);
        }
    }

    /// Stores what is in a directory whose first cluster is `own` (0 for the root), and returns its
    /// own content, which begins with the entries `head`.
    fn directory_entries(
        &mut self,
        directory: &Directory<'_>,
        own: u16,
        head: Vec<[u8; entry::SIZE]>,
    ) -> Result<Vec<u8>, Error> {
        let mut entries = head;
        for (name, (_, node)) in directory.names()?.iter().zip(&directory.entries) {
            entries.extend(name.long_entries());
            entries.push(match node {
                Node::File(content) => {
                    let first = self.allocate(content.len())?;
                    self.store(first, content);
                    directory_entry(name.short, entry::ARCHIVE, first, content.len() as u32)
                }
                Node::Directory(inner) => {
                    let first = self.directory(inner, own)?;
                    directory_entry(name.short, entry::DIRECTORY, first, 0)
                }
            });
        }
        Ok(entries.concat())
    }

    /// Stores a directory and all below it; returns its first cluster.
    fn directory(&mut self, directory: &Directory<'_>, parent: u16) -> Result<u16, Error> {
        let names = directory.names()?;
        let count: usize = names.iter().map(|name| name.long_entries().len() + 1).sum();
        let first = self.allocate((2 + count) * entry::SIZE)?;
        let dots = [(b".          ", first), (b"..         ", parent)]
            .map(|(short, cluster)| directory_entry(*short, entry::DIRECTORY, cluster, 0));
        let content = self.directory_entries(directory, first, dots.to_vec())?;
        self.store(first, &content);
        Ok(first)
    }
}
