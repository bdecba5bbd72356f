//! The node's seed, from which its key is made: generated at the first start and kept in a file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

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

/// The seed kept in `path` as base64; generated and written there if the file does not exist.
///
/// # Errors
/// The file cannot be read or written, or holds something else.
pub fn kept_seed(path: &Path) -> Result<[u8; 32]> {
    let name = path.display();
    let damaged = |what: &str| {
        anyhow!("identity file {name} {what}; restore it, or delete it for a new identity")
    };
    match fs::read_to_string(path) {
        Ok(text) => {
            let bytes = BASE64_STANDARD
                .decode(text.trim())
                .map_err(|error| damaged(&format!("is not base64: {error}")))?;
            bytes.try_into().map_err(|bytes: Vec<u8>| {
                damaged(&format!("holds {} bytes, a seed has 32", bytes.len()))
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seed = entropy()?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path).with_context(|| {
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
