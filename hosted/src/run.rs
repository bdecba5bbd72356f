//! `basalt-hosted run`: the node in the foreground.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow};
use basalt_distro::published;
use basalt_manifest::{Compute, Manifest};
use basalt_net::Keypair;
use basalt_net::multiaddr::{Multiaddr, Protocol};
use basalt_net::swarm::Transport;
use basalt_net::tls;
use basalt_node::chain;
use basalt_node::compute::Resources;
use basalt_node::peer::{self, Peer};
use basalt_node::rooms::Parts;
use clap::Args;

use crate::clock::Clocks;
use crate::platform::Process;
use crate::reactor::Reactor;
use crate::{descriptors, identity, logger, state};

/// How to run the node.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The node's manifest, as for the appliance; address, cores and panic settings do not apply
    /// here
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
    /// Port of the operator's pages instead of the manifest's; 0 chooses a free one
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// Where a generated identity is kept [default: the manifest's name with `.identity`]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Where services, spells, workers and keys are kept [default: nowhere: they are gone when the
    /// process ends]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Size of a new state file, in MiB; it takes room on the disk as it fills
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    state_size: u64,
    /// Threads that run services instead of the manifest's compute cores; 0: the node's own thread
    #[arg(long, value_name = "COUNT")]
    compute: Option<usize>,
    /// Come without spells and without registry and trust graph
    #[arg(long)]
    no_system_services: bool,
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

    let mut state = match &args.state {
        Some(path) => Some(state::open(path, args.state_size << 20)?),
        None => None,
    };
    let seed = match (&manifest.node.seed, &mut state) {
        (Some(seed), _) => *seed.as_bytes(),
        (None, Some(state)) if args.identity.is_none() => state.identity(identity::entropy()?)?,
        (None, _) => {
            let beside = manifest_path.with_extension("identity");
            identity::kept_seed(args.identity.as_deref().unwrap_or(&beside))?
        }
    };
    let mut config = peer::Config::from_manifest(&manifest, env!("CARGO_PKG_VERSION"))?;
    let tls = tls::Context::new(&peer::tls_settings(&manifest), identity::entropy()?)?;
    config.tls = Some(Arc::new(tls));
    config.connections.fit(descriptors::for_peers());
    config.services.set(&manifest.services, available_bytes());
    let cores = args.compute.unwrap_or_else(|| threads(&manifest));
    let waker = Arc::new(OnceLock::new());
    let parts = Parts {
        state,
        compute: Some(Resources {
            platform: Arc::new(Process {
                clocks,
                waker: waker.clone(),
            }),
            cores,
            homes: Vec::new(),
        }),
        chain: chain::Settings::from_manifest(&manifest),
        distro: match args.no_system_services {
            true => None,
            false => Some(published::distro().context("the published services cannot be read")?),
        },
    };
    let keypair = Keypair::from_seed(seed);
    let mut peer = Peer::with_parts(config, keypair, identity::entropy()?, parts)
        .context("cannot read the state")?;
    let state = peer.take_state();
    let mut reactor = Reactor::new(peer, clocks)?;
    if let Some(state) = state {
        reactor
            .start_disk(state)
            .context("cannot start the disk's thread")?;
    }
    // It is new: nobody has set it.
    let _ = waker.set(reactor.waker());
    reactor
        .start_cores(cores)
        .context("cannot start the compute threads")?;

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
    if let Some(port) = args.http_port.or(manifest.http.port) {
        let address = SocketAddr::new(args.listen_ip, port);
        let address = reactor
            .listen_http(address)
            .with_context(|| format!("cannot listen on {address}"))?;
        log::info!(target: "http", "pages at http://{address}/");
    }
    let stop = reactor.stopper();
    ctrlc::set_handler(move || stop.stop()).context("cannot watch for Ctrl-C")?;

    let addresses = [
        Multiaddr::from_socket(tcp),
        Multiaddr::from_socket(websocket).with(Protocol::Ws),
    ];
    let mut effects = Vec::new();
    reactor
        .driver
        .machine
        .listening(clocks.read(), &addresses, &mut effects);
    reactor.perform(effects);
    println!(
        "basalt: listening peer_id={} addrs={},{} after_ms={} memory_kib={} image_kib={}",
        reactor.driver.machine.peer_id(),
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

/// Compute cores that the manifest asks for, as far as the machine has them.
fn threads(manifest: &Manifest) -> usize {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let left = all
        .saturating_sub(usize::from(manifest.cores.system))
        .max(1);
    match manifest.cores.compute {
        Compute::All => left,
        Compute::Count(count) => usize::from(count).min(left),
    }
}

/// Memory that the system can give to programs; 4 GiB where it does not tell.
fn available_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/meminfo").ok();
    let kib = told.as_deref().and_then(|text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    kib.map_or(4 << 30, |kib| kib << 10)
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
