//! Replays recorded cases in both modes: `conformance DIR...`.
//!
//! Prints a line for each failed case, then the counts.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use support::case::{Mode, check};
use support::files::{files, read_json};

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        eprintln!("usage: conformance DIR...");
        return ExitCode::from(2);
    }
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for path in files(&folders) {
        let case = read_json(&path);
        let results = [Mode::Alone, Mode::Chained].map(|mode| check(&case, mode));
        let [Some(alone), Some(chained)] = results else {
            // The folder of the cases also holds their keys, which are no case.
            skipped += usize::from(path.file_name().is_none_or(|name| name != "keys.json"));
            continue;
        };
        match alone.first().or(chained.first()) {
            None => passed += 1,
            Some(failure) => {
                failed += 1;
                println!("{}: {failure}", path.display());
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
