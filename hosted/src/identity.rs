//! The node's seed, from which its key is made: generated at the first start and kept in a file.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::private;

/// Longest identity file that is read: a seed in base64 has 44 characters.
const MAX_TEXT: u64 = 1024;

/// 32 random bytes from the operating system.
///
/// # Errors
/// The system gives none.
pub fn entropy() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        anyhow!("the operating system gives no random numbers (getrandom): {error}")
    })?;
    Ok(bytes)
}

/// The seed kept in `path` as base64; generated and written there if the file does not exist. Only
/// its owner may open the file.
///
/// # Errors
/// The file cannot be read or written, stays open to others, or holds something else.
pub fn kept_seed(path: &Path) -> Result<[u8; 32]> {
    let name = path.display();
    let damaged = |what: &str| {
        anyhow!("identity file {name} {what}; restore it, or delete it for a new identity")
    };
    match private::options().read(true).open(path) {
        Ok(file) => {
            private::keep(&file, path, "the node's seed")?;
            let mut text = String::new();
            file.take(MAX_TEXT)
                .read_to_string(&mut text)
                .with_context(|| format!("cannot read identity file {name}"))?;
            let bytes = BASE64_STANDARD
                .decode(text.trim())
                .map_err(|error| damaged(&format!("is not base64: {error}")))?;
            bytes.try_into().map_err(|bytes: Vec<u8>| {
                damaged(&format!("holds {} bytes, a seed has 32", bytes.len()))
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seed = entropy()?;
            let mut file = private::options()
                .write(true)
                .create_new(true)
                .open(path)
                .with_context(|| {
                    format!("cannot create identity file {name}; is its folder writable?")
                })?;
            writeln!(file, "{}", BASE64_STANDARD.encode(seed))
                .with_context(|| format!("cannot write identity file {name}"))?;
            Ok(seed)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read identity file {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::tests::{mode, unused};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_identity_is_its_owners_alone() {
        let path = unused("identity-mode");
        let seed = kept_seed(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(kept_seed(&path).unwrap(), seed);
        assert_eq!(mode(&path), 0o600);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_generated_seed_is_kept() {
        let folder = std::env::temp_dir().join(format!("basalt-identity-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("identity");
        let seed = kept_seed(&path).unwrap();
        assert_eq!(kept_seed(&path).unwrap(), seed);
        fs::write(&path, "AAAA").unwrap();
        let error = kept_seed(&path).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(
            error.contains("holds 3 bytes, a seed has 32; restore it"),
            "{error}"
        );
    }
}
