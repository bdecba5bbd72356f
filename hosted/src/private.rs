//! Files that hold keys: nobody but their owner may open them.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};

/// Reading and writing, for the owner alone.
const OWNER: u32 = 0o600;
/// What the group and all others may do.
const OTHERS: u32 = 0o077;

/// How a file that will hold keys is opened: if that makes it, it is the owner's from its first
/// moment on.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(OWNER);
    options
}

/// Takes an open file away from everybody but its owner. If it was open to others, that is said:
/// they may have read it.
///
/// # Errors
/// It is open to others, and that cannot be changed.
pub(crate) fn keep(file: &File, path: &Path, holds: &str) -> Result<()> {
    if let Some(warning) = close(file, path, holds)? {
        log::warn!(target: "files", "{warning}");
    }
    Ok(())
}

/// What was wrong, if anything was.
fn close(file: &File, path: &Path, holds: &str) -> Result<Option<String>> {
    let name = path.display();
    let meta = file
        .metadata()
        .with_context(|| format!("cannot read who may open {name}"))?;
    let mode = meta.permissions().mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(None);
    }
    file.set_permissions(Permissions::from_mode(OWNER))
        .with_context(|| {
            format!(
                "{name} holds {holds} and is open to others (mode {mode:04o}), which cannot be \
                 changed; give it to this user, or set its mode to 0600"
            )
        })?;
    Ok(Some(format!(
        "{name} holds {holds} and was open to others (mode {mode:04o}); it is 0600 now. Whoever \
         read it has the keys: if this machine has other users, replace them"
    )))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    /// A path in the system's folder for such files, that nobody else uses.
    pub(crate) fn unused(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("basalt-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    /// Who may open a file.
    pub(crate) fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn an_open_file_is_closed_and_that_is_said() {
        let path = unused("private");
        let file = options().write(true).create_new(true).open(&path).unwrap();
        assert_eq!(mode(&path), OWNER);
        assert_eq!(close(&file, &path, "a key").unwrap(), None);
        for open in [0o644, 0o640, 0o604, 0o620, 0o601, 0o777] {
            file.set_permissions(Permissions::from_mode(open)).unwrap();
            let said = close(&file, &path, "a key").unwrap().unwrap();
            assert!(said.contains("holds a key"), "{said}");
            assert!(said.contains(&format!("(mode {open:04o})")), "{said}");
            assert_eq!(mode(&path), OWNER, "{open:o}");
        }
        // What the owner has taken away from himself is not given back.
        file.set_permissions(Permissions::from_mode(0o400)).unwrap();
        assert_eq!(close(&file, &path, "a key").unwrap(), None);
        assert_eq!(mode(&path), 0o400);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_stays_open_is_refused() {
        // The system lets nobody change the mode of this one.
        let path = Path::new("/proc/self/status");
        let file = File::open(path).unwrap();
        let error = close(&file, path, "a key").unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("is open to others (mode 0444)"), "{error}");
    }
}
