//! Command line of the hosted node.

use std::process::ExitCode;

use basalt_hosted::run::{self, RunArgs};
use clap::{Parser, Subcommand};

/// The Basalt node as an ordinary process
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the node (the default)
    Run(RunArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => run::run(&cli.run),
        Some(Command::Run(args)) => run::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("basalt: not started: {error:#}");
            ExitCode::FAILURE
        }
    }
}
