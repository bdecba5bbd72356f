//! Command line of the hosted node.

use std::process::ExitCode;

use basalt_hosted::prove::ccp::{self, CcpArgs};
use basalt_hosted::prove::{self, ProveArgs, VerifyArgs};
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
    /// Find proofs of capacity for a compute unit
    Prove(ProveArgs),
    /// Check a proof of capacity
    Verify(VerifyArgs),
    /// Serve the prover to a peer over JSON-RPC
    Ccp(CcpArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (failure, result) = match cli.command {
        None => ("not started", run::run(&cli.run)),
        Some(Command::Run(args)) => ("not started", run::run(&args)),
        Some(Command::Prove(args)) => ("not proven", prove::prove(&args)),
        Some(Command::Verify(args)) => ("not verified", prove::verify(&args)),
        Some(Command::Ccp(args)) => ("not started", ccp::serve(&args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("basalt: {failure}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
