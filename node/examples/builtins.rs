//! The manual page of the built-in services:
//! `cargo run -p basalt-node --example builtins > docs/builtins.md`.

use clap::Parser;

/// Prints the manual page of the built-in services.
#[derive(Debug, Parser)]
struct Cli {}

fn main() {
    let Cli {} = Cli::parse();
    print!("{}", basalt_node::builtins::manual());
}
