//! A file in place of the state partition.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use basalt_node::state::State;
use basalt_store::BlockDevice;

use crate::{identity, private};

/// Bytes of a block.
const BLOCK: usize = 4096;

/// A file as a block device. Once a flush has failed it does nothing any more: the system may have
/// forgotten what it could not write, and still give it back.
struct Disk {
    file: File,
    blocks: u64,
    failed: bool,
}

impl Disk {
    fn sound(&self) -> io::Result<&File> {
        match self.failed {
            true => Err(io::Error::other(
                "an earlier flush of the state file failed",
            )),
            false => Ok(&self.file),
        }
    }
}

impl BlockDevice for Disk {
    type Error = io::Error;

    fn block_size(&self) -> usize {
        BLOCK
    }

    fn block_count(&self) -> u64 {
        self.blocks
    }

    fn read(&mut self, block: u64, buf: &mut [u8]) -> io::Result<()> {
        self.sound()?.read_exact_at(buf, block * BLOCK as u64)
    }

    fn write(&mut self, block: u64, data: &[u8]) -> io::Result<()> {
        self.sound()?.write_all_at(data, block * BLOCK as u64)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.sound()?.sync_data();
        self.failed = done.is_err();
        done
    }

    fn discard(&mut self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the state kept in a file; one that does not exist is made with `bytes` bytes, which take
/// room as they are written. It holds the node's seed and the workers' keys: only its owner may
/// open it.
///
/// # Errors
/// The file cannot be opened, stays open to others, or holds something else.
pub fn open(path: &Path, bytes: u64) -> Result<State> {
    let name = path.display();
    let file = private::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("cannot open the state file {name}"))?;
    file.try_lock()
        .map_err(|error| anyhow!("the state file {name} is in use: {error}"))?;
    private::keep(&file, path, "the node's seed and the workers' keys")?;
    let mut len = file
        .metadata()
        .with_context(|| format!("cannot read the state file {name}"))?
        .len();
    if len == 0 {
        len = bytes;
        file.set_len(len)
            .with_context(|| format!("cannot make the state file {name}"))?;
    }
    let disk = Disk {
        file,
        blocks: len / BLOCK as u64,
        failed: false,
    };
    let entropy = identity::entropy()?;
    let fresh = core::array::from_fn(|i| entropy[i]);
    let (state, opened) =
        State::open(disk, fresh).map_err(|error| anyhow!("state file {name}: {error}"))?;
    log::info!(
        target: "state",
        "{name}: {} records, {} batches replayed", opened.loaded, opened.replayed
    );
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::tests::{mode, unused};
    use basalt_node::state::Namespace;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_state_file_is_its_owners_alone() {
        let path = unused("state-mode");
        drop(open(&path, 1 << 20).unwrap());
        assert_eq!(mode(&path), 0o600);
        // As files were made before.
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        drop(open(&path, 1 << 20).unwrap());
        let closed = mode(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(closed, 0o600);
    }

    #[test]
    fn after_a_failed_flush_nothing_is_believed() {
        // A pipe can be read, and not be flushed.
        let (end, _other) = io::pipe().unwrap();
        let mut disk = Disk {
            file: File::from(std::os::fd::OwnedFd::from(end)),
            blocks: 1,
            failed: false,
        };
        assert!(disk.flush().is_err());
        for error in [
            disk.read(0, &mut [0; BLOCK]).unwrap_err(),
            disk.write(0, &[0; BLOCK]).unwrap_err(),
            disk.flush().unwrap_err(),
        ] {
            assert!(error.to_string().contains("an earlier flush"), "{error}");
        }
    }

    #[test]
    fn a_file_keeps_the_state() {
        let path = std::env::temp_dir().join(format!("basalt-state-{}", std::process::id()));
        let mut state = open(&path, 1 << 20).unwrap();
        state.put(Namespace::System, b"key", *b"value").unwrap();
        let seed = state.identity([3; 32]).unwrap();
        let busy = open(&path, 1 << 20).err().unwrap().to_string();
        drop(state);
        let mut state = open(&path, 0).unwrap();
        let kept = state.get(Namespace::System, b"key").unwrap();
        let again = state.identity([4; 32]).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(kept.as_deref(), Some(&b"value"[..]));
        assert_eq!((seed, again), ([3; 32], [3; 32]));
        assert!(busy.contains("is in use"), "{busy}");
    }
}
