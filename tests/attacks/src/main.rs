//! The attack lab as a program.
//!
//! `cargo run --release -p basalt-attacks -- --help`

use std::process::ExitCode;

fn main() -> ExitCode {
    basalt_attacks::main()
}
