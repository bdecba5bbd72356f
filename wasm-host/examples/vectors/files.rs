//! Files of scenarios.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// All JSON files of a folder in name order.
pub(crate) fn json_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files
}

/// A file's name without its ending, and what it holds.
pub(crate) fn read(path: &Path) -> (String, Value) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value = serde_json::from_slice(&bytes);
    let value = value.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    (stem.into_owned(), value)
}
