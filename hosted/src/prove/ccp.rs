//! The reference prover's JSON-RPC over HTTP, for a peer that uses this protocol: `POST /` for
//! calls, `GET /metrics` for metrics.
//!
//! HTTP is `hyper`'s, as below the reference's server. That server itself (`jsonrpsee`) is not
//! used: it turns on a feature of `serde_json` by which the whole node would read JSON otherwise.

use super::Pages;
use super::engine::{Engine, Options};
use crate::clock::Clocks;
use crate::logger;
use anyhow::{Context, Result};
use basalt_prover::capacity::need::Plan;
use basalt_prover::capacity::{Input, Prover, metrics, prover};
use basalt_prover::randomx::Fluence;
use basalt_prover::rpc::{self, Call, Limits};
use clap::Args;
use log::{LevelFilter, info};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

mod http;

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct CcpArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9383")]
    listen: SocketAddr,
    /// Folder for the state and the proofs
    #[arg(long, default_value = "state")]
    state: PathBuf,
    /// Datasets held at once; with fewer than compute units these take turns
    #[arg(long, default_value_t = 1)]
    datasets: usize,
    /// Threads that hash per core [default: all hardware threads of the core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=16))]
    threads_per_core: Option<u16>,
    /// Compute dataset items as they are needed: 256 MiB per unit, slow
    #[arg(long)]
    light: bool,
    /// Pages to ask for
    #[arg(long, value_enum, default_value_t)]
    pages: Pages,
}

/// Serves until the process ends.
///
/// # Errors
///
/// If the address or the folder cannot be used.
pub fn serve(args: &CcpArgs) -> Result<()> {
    logger::install(Clocks::start(), LevelFilter::Info);
    let config = prover::Config {
        slots: args.datasets.max(1),
        at_once: args.light,
        ..prover::Config::default()
    };
    let options = Options {
        memory: args.pages.memory(),
        light: args.light,
        threads_per_core: args.threads_per_core.map(usize::from),
        folder: args.state.clone(),
    };
    let plan = Plan {
        light: options.light,
        datasets: config.slots,
        threads: options.threads_per_core.unwrap_or(1),
        lanes: 2,
    };
    info!(
        "a core of compute units needs {} MiB",
        plan.bytes::<Fluence>() >> 20
    );
    let engine = Engine::start(Prover::new(config), options)?;
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}; see --listen", args.listen))?;
    info!("serving ccp on {}", listener.local_addr()?);
    http::serve(listener, Methods { engine }, http::PATIENCE)
}

/// What the server's clients can have.
struct Methods {
    engine: Arc<Engine>,
}

impl http::Service for Methods {
    fn call(&self, call: &Call) -> Result<Value, rpc::Error> {
        let input = |input| {
            let done = self.engine.input(input);
            done.map(|()| Value::Null).map_err(rpc::Error::Prover)
        };
        match call {
            Call::OnActiveCommitment { epoch, allocation } => input(Input::Active {
                epoch: *epoch,
                allocation: allocation.clone(),
            }),
            Call::OnNoActiveCommitment => input(Input::Inactive),
            // The operating system places these threads; there is nothing to move.
            Call::ReallocUtilityCores(_) => Ok(Value::Null),
            query => {
                let entries = Limits::default().entries;
                let found = |prover: &Prover| rpc::query(query, prover.proofs(), entries);
                Ok(self.engine.look(found).unwrap_or_default())
            }
        }
    }

    fn metrics(&self) -> (&'static str, String) {
        let now = self.engine.now();
        let text = self.engine.look(|prover| metrics::encode(prover, now));
        (metrics::CONTENT_TYPE, text)
    }
}
