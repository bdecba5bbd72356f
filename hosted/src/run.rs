//! `basalt-hosted run`: the node in the foreground.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use basalt_manifest::Manifest;
use basalt_net::Keypair;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::swarm::Transport;
use basalt_node::peer::{self, Peer};
use clap::Args;

use crate::clock::Clocks;
use crate::reactor::Reactor;
use crate::{identity, logger};

/// How to run the node.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The node's manifest, as for the appliance; address, cores and panic settings do not apply here
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    listen_ip: IpAddr,
    /// Port of the TCP listener instead of the manifest's; 0 chooses a free one
    #[arg(long, value_name = "PORT")]
    tcp_port: Option<u16>,
    /// Port of the WebSocket listener instead of the manifest's; 0 chooses a free one
    #[arg(long, value_name = "PORT")]
    websocket_port: Option<u16>,
    /// Where a generated identity is kept [default: the manifest's name with `.identity`]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Log level instead of the manifest's: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<log::LevelFilter>,
}

/// Runs the node until Ctrl-C.
///
/// # Errors
/// The manifest is broken, a file or a port cannot be had.
pub fn run(args: &RunArgs) -> Result<()> {
    let clocks = Clocks::start();
    let manifest_path = args
        .manifest
        .as_deref()
        .ok_or_else(|| anyhow!("no manifest given: --manifest FILE (see --help)"))?;
    let text = std::fs::read(manifest_path)
        .with_context(|| format!("cannot read the manifest {}", manifest_path.display()))?;
    let manifest = Manifest::from_bytes(&text).map_err(|problems| {
        anyhow!(
            "the manifest {} is rejected:\n{problems}",
            manifest_path.display()
        )
    })?;
    logger::install(clocks, args.log_level.unwrap_or(manifest.log.level));

    let seed = match &manifest.node.seed {
        Some(seed) => *seed.as_bytes(),
        None => {
            let beside = manifest_path.with_extension("identity");
            identity::kept_seed(args.identity.as_deref().unwrap_or(&beside))?
        }
    };
    let config = peer::Config::from_manifest(&manifest, env!("CARGO_PKG_VERSION"))?;
    let peer = Peer::new(config, Keypair::from_seed(seed), identity::entropy()?);
    let mut reactor = Reactor::new(peer, clocks)?;

    let mut listen = |port: u16, transport| {
        let address = SocketAddr::new(args.listen_ip, port);
        reactor
            .listen(address, transport)
            .with_context(|| format!("cannot listen on {address}"))
    };
    let tcp = listen(
        args.tcp_port.unwrap_or(manifest.network.tcp_port),
        Transport::Tcp,
    )?;
    let websocket = listen(
        args.websocket_port
            .unwrap_or(manifest.network.websocket_port),
        Transport::WebSocket,
    )?;
    let stop = reactor.stopper();
    ctrlc::set_handler(move || stop.stop()).context("cannot watch for Ctrl-C")?;

    let addresses = [
        Multiaddr::from_socket(tcp),
        Multiaddr::from_socket(websocket).with(Protocol::Ws),
    ];
    let mut effects = Vec::new();
    reactor
        .machine
        .listening(clocks.read(), &addresses, &mut effects);
    reactor.perform(effects);
    println!(
        "basalt: listening peer_id={} addrs={},{} after_ms={} memory_kib={} image_kib={}",
        reactor.machine.peer_id(),
        addresses[0],
        addresses[1],
        clocks.now().as_millis(),
        resident_kib().unwrap_or(0),
        image_kib().unwrap_or(0),
    );
    reactor.run(|_| false)?;
    println!("basalt: halted");
    Ok(())
}

/// Memory of this process, as the system counts it.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Size of this program's file.
fn image_kib() -> Option<u64> {
    Some(std::fs::metadata(std::env::current_exe().ok()?).ok()?.len() / 1024)
}
