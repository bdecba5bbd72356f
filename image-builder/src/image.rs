//! The appliance's disk.
//!
//! | partition | MiB | content |
//! |---|---|---|
//! | `basalt-esp` | 16 | EFI system partition: `EFI/BOOT/BOOTX64.EFI`, `EFI/basalt/services`, `manifest.toml` |
//! | `basalt-a`, `basalt-b` | 16 each | for updates: each has room for what the system partition holds |
//! | `basalt-state` | 20 | what the node keeps; the first boot lets it reach to the end of a larger disk |

use core::fmt;
use std::{
    fs::{self, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use basalt_manifest::{Manifest, Problems};

use crate::{
    elf, fat,
    gpt::{self, BLOCK, EFI_SYSTEM, Guid, Partition, SLOT, STATE, Table},
    pe,
    units::MIB,
};

/// Size of the image in bytes.
pub const SIZE: u64 = 70 * MIB;
const ESP_SIZE: u64 = 16 * MIB;
const SLOT_SIZE: u64 = 16 * MIB;
/// Where the state partition begins, in bytes.
pub const STATE_START: u64 = MIB + ESP_SIZE + 2 * SLOT_SIZE;

/// Granule of what is written of a sparse file.
const CHUNK: usize = 4096;

/// Why there is no image.
#[derive(Debug)]
pub enum Error {
    /// The kernel cannot be made into a UEFI application.
    Kernel(elf::Error),
    /// The manifest is wrong.
    Manifest(Problems),
    /// Application, services and manifest do not fit the system partition.
    System(fat::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(error) => error.fmt(f),
            Self::Manifest(problems) => problems.fmt(f),
            Self::System(error) => write!(f, "EFI system partition: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// A disk image.
#[derive(Debug)]
pub struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// Makes the image of a kernel, an ELF file or a UEFI application, a manifest, and services
    /// that come with the node (see [`services`](crate::services::published)); with none of them
    /// the node has no spells.
    ///
    /// # Errors
    /// When the manifest has problems or the kernel cannot be used.
    pub fn new(kernel: &[u8], manifest: &[u8], services: Option<&[u8]>) -> Result<Self, Error> {
        Manifest::from_bytes(manifest).map_err(Error::Manifest)?;
        let converted;
        let application = if kernel.starts_with(b"MZ") {
            kernel
        } else {
            let executable = elf::Executable::parse(kernel).map_err(Error::Kernel)?;
            converted = pe::application(&executable).map_err(Error::Kernel)?;
            &converted
        };
        Self::unchecked(application, manifest, services)
    }

    /// Makes the image of a UEFI application and a manifest that may be broken, as one is that was
    /// edited on the disk: for tests of what the appliance says to it.
    ///
    /// # Errors
    /// When they do not fit the system partition.
    pub fn unchecked(
        application: &[u8],
        manifest: &[u8],
        services: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let mut bytes = vec![0; SIZE as usize];
        let mut hash = blake3::Hasher::new();
        hash.update(&(application.len() as u64).to_le_bytes());
        hash.update(application).update(manifest);
        hash.update(services.unwrap_or_default());
        let content = hash.finalize();

        let granule = MIB / BLOCK;
        let slots = granule + ESP_SIZE / BLOCK;
        let state = STATE_START / BLOCK;
        let id = derived(&content, "disk");
        let mut table =
            Table::new(id, SIZE / BLOCK, BLOCK as usize).expect("the image has room for a table");
        let state_end = (table.usable().1 + 1) / granule * granule;
        for (name, kind, first, end) in [
            ("basalt-esp", EFI_SYSTEM, granule, slots),
            ("basalt-a", SLOT, slots, slots + SLOT_SIZE / BLOCK),
            ("basalt-b", SLOT, slots + SLOT_SIZE / BLOCK, state),
            ("basalt-state", STATE, state, state_end),
        ] {
            let partition = Partition {
                kind,
                id: derived(&content, name),
                name: name.into(),
                first,
                last: end - 1,
            };
            table.add(&partition).expect("the layout fits the image");
        }
        gpt::write(&mut bytes, &table);

        let boot = fat::Directory::default().file("BOOTX64.EFI", application);
        let mut efi = fat::Directory::default().directory("BOOT", boot);
        if let Some(services) = services {
            let basalt = fat::Directory::default().file("services", services);
            efi = efi.directory("basalt", basalt);
        }
        let root = fat::Directory::default()
            .directory("EFI", efi)
            .file("manifest.toml", manifest);
        let serial = content
            .as_bytes()
            .first_chunk()
            .expect("a hash has 32 bytes");
        let identity = fat::Identity {
            serial: u32::from_le_bytes(*serial),
            label: "BASALT",
            hidden: granule as u32,
        };
        let volume = fat::volume(ESP_SIZE, identity, &root).map_err(Error::System)?;
        let start = (granule * BLOCK) as usize;
        bytes[start..start + volume.len()].copy_from_slice(&volume);
        Ok(Self { bytes })
    }

    /// The whole disk.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// BLAKE3 hash of the whole disk.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        blake3::hash(&self.bytes)
    }

    /// Writes the image to a file, which takes only the room of what is not zero.
    ///
    /// The file appears whole or not at all; one that is there is replaced. Only its owner may open
    /// it.
    ///
    /// # Errors
    /// When the file cannot be written, or is something else than a file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other(
                "it is not an ordinary file: write the image to a file and copy that to the disk",
            ));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = Path::new(&partial);
        let written = self
            .write_sparse(partial)
            .and_then(|()| fs::rename(partial, path));
        if written.is_err() {
            // The first error is the one to tell; the leftover may not even exist.
            let _ = fs::remove_file(partial);
        }
        written
    }

    fn write_sparse(&self, path: &Path) -> io::Result<()> {
        // The manifest in it may hold the node's seed and the key of its wallet.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.set_len(self.bytes.len() as u64)?;
        for (index, chunk) in self.bytes.chunks(CHUNK).enumerate() {
            if chunk.iter().any(|byte| *byte != 0) {
                file.seek(SeekFrom::Start((index * CHUNK) as u64))?;
                file.write_all(chunk)?;
            }
        }
        file.sync_all()
    }
}

/// A GUID that depends on the image's content and a name alone.
fn derived(content: &blake3::Hash, name: &str) -> Guid {
    let hash = blake3::keyed_hash(content.as_bytes(), name.as_bytes());
    Guid::random(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}
