//! Replays recorded cases of the interpreter:
//! `cargo run --release -p basalt-air --example conformance -- --help`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use support::case::{Mode, check};
use support::files::{files, read_json};

/// Replays recorded cases of the interpreter in both modes: each step alone, from the recorded data
/// before it, and all steps in a row, from our own.
///
/// Prints a line for each case that fails, then the counts. Files that are no case are skipped.
#[derive(Debug, Parser)]
struct Cli {
    /// Folders of cases, each a JSON file
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let Cli { folders } = Cli::parse();
    if let Some(missing) = folders.iter().find(|folder| !folder.exists()) {
        eprintln!("error: {} is not there", missing.display());
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
